"""The database: engine, threads, transactions and revisions. Rooms keep their tables and queries to themselves.

A room that stores something defines its SQLAlchemy Core tables on `mover.database.base.metadata` in its own
`tables.py`, and adds a hand-written revision to `revisions/versions/` that makes the same tables; a test compares the two.
"""
