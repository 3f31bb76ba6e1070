"""The files of models: read and checked without any library of theirs, and without running
anything of theirs. Both sides use it."""
