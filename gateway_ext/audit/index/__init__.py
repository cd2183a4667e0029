"""The search index: what the records of all logs say, by columns. Made of the segments alone, and at will anew."""
