"""The process that serves one model: entry, executor, text work."""
