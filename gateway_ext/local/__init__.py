"""One machine: a certificate authority, a token issuer and a supervisor of processes."""
