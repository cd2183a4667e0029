"""Business content that the operator has declared, or a document declares itself, to be confidential."""
