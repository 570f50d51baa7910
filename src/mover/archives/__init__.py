"""ZIP archives as bytes: what stands in them, where, and how long each piece is, before anything is read."""
