"""Credentials: keys, tokens, passwords, private keys."""
