"""A long run of mixed work under pressure: ``python -m benchmarks.soak``.

Not a measure of speed: it fails when memory grows, when an answer is wrong or has no end, or when
the server says that something is left over.
"""
