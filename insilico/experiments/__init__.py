"""What is done: protocols, one family a file, and the batteries that put them together."""
