"""Personal data of European people: one kind per file."""
