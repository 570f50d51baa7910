"""The users' own encryption: the `age` format and the format of rclone's crypt, streamed and in ranges.

Nothing here knows of services. `age/` and `crypt/` are the two formats; both cut a file into blocks of 64 KiB
(`blocks.py`), so one page (`streams.py`) seals and opens ranges of either.
"""
