"""Which conversation a request belongs to, and which classes of content each has held."""
