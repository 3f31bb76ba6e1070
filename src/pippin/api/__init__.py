"""The door: HTTP in and out. Speaks the protocols, guards the entrance, knows no model library."""
