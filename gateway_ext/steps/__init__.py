"""Steps of the request path that are more than a call to their room. pipeline.py says in which order they are taken."""
