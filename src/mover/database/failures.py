"""What can go wrong with the database itself, apart from what goes wrong with files and services.

`DatabaseTrouble` is mixed into each, so that whoever handles the failures of one file does not take trouble with the
ledger for one: nothing can be said about a file while nothing can be written down.
"""

from __future__ import annotations

from mover.errors import InvalidConfiguration, Locked, MoverError, StagingFull, Unreachable


class DatabaseTrouble(MoverError):
    """The database does not do what it must; nobody's file is to blame."""


class DatabaseBusy(DatabaseTrouble, Locked):
    """Other processes kept what a transaction needs for too long."""

    advice = "Other Mover processes use the database. Run the same command again later."


class DatabaseFull(DatabaseTrouble, StagingFull):
    """No room for the database."""

    advice = "Make room on the disk that holds the database, then run the same command again."


class DatabaseUnusable(DatabaseTrouble, InvalidConfiguration):
    """The address, the sign-in, the file or its schema is not right, and trying again does not help."""

    advice = "Check MOVER_DATABASE_URL (or MOVER_HOME), and what the message names."


class DatabaseUnreachable(DatabaseTrouble, Unreachable):
    """The database server does not answer, or broke off, for longer than Mover waits."""

    advice = "Check that the database server runs and can be reached, then run the same command again; it goes on where it was."


class Held(DatabaseTrouble, Locked):
    """Somebody else has the sole right that was asked for."""

    advice = "Another process is at it. Wait until it has ended, or stop it."


class LockLost(DatabaseTrouble, Locked):
    """The sole right to something could not be kept: the connection that stood for it broke."""

    advice = "The connection to the database broke, so another process may do this work now. Run the same command again; it goes on where it was."
