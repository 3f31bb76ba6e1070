"""Made-up tools, the requests that need them, and what they return."""
