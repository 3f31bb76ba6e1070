"""Models that llama.cpp computes: GGUF files. Needs no MLX."""
