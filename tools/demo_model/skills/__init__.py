"""The skills of the demo model, each a function that makes up an exchange."""
