"""What stands before every route: pure ASGI middleware, one duty a file."""
