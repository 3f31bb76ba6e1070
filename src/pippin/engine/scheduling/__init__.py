"""Who is served next: plain arithmetic, no model, no arrays."""
