"""The demo model as a GGUF file."""
