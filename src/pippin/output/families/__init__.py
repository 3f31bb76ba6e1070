"""How families of models write tool calls: a file each, with its scanner and its grammar."""
