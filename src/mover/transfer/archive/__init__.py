"""Runs that put all they find into one archive: `archiving` is where to begin.

    scan ─► plan: each member's place ─► one file of known size ─► the ordinary sending ─► verified ─► outcomes
                                              ▲
                       members, read in order ┘   what was read of each is in the ledger before its bytes go on

Where a member stands follows from names and listed sizes, so an interrupted archive goes on at any byte. What could not be
read leaves its place empty, and does not stand in the archive's directory.
"""
