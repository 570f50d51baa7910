"""`make demo`: the service with everything it needs, and a first move that it starts by itself."""
