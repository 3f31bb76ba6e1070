"""What is remembered of prompts: an index over blocks of tokens, and the tiers that hold runs."""
