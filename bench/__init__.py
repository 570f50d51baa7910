"""`make bench`: `mover copy` against `rclone copy`, and how fast this machine hashes and stages (`hashing.py`)."""
