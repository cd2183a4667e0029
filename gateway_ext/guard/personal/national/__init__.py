"""Numbers that states give to people: one table a region, one recognizer for all of them."""
