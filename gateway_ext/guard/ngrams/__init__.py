"""A linear model over hashed byte n-grams that judges texts as a whole: injection, source code, harmful content."""
