"""Regular expressions, read in their writers' dialects and written in the grammar engine's."""
