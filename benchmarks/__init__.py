"""Pippin beside the in-process limit and beside other servers: ``python -m benchmarks``."""
