"""The gate: a fixed list of plainly worded prompts that a demo model must pass to be shipped."""
