"""Alembic's revisions of the schema: hand-written, linear, and importing no room, so that they never change.

A new one is `versions/NNNN_what_it_does.py` with `revision = "NNNN"` and `down_revision` the number before it. There
are no downgrades: an older Mover refuses a newer database, and a backup is the way back.
"""
