"""Which models are served, and the life of the worker of each."""
