"""Weights: resolve, load; and the BLAS under them."""
