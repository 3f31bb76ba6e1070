"""The shared nouns: request, events, sampling, model. No I/O and no mlx here."""
