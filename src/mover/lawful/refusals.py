"""What lawful exports are refused or fail with, besides what `mover.staff` refuses."""

from __future__ import annotations

from mover.errors import Locked, NotFound, Terminal


class CallClosed(Terminal):
    """A runner's answer came too late, or the export was broken off or stopped meanwhile."""

    advice = "Nothing to do: the manifest of the export says that this runner did not finish."


class NoSuchCase(NotFound):
    """Nobody asked for such an export."""

    advice = "See mover legal list for the cases and requests that there are."


class ExportUnderWay(Locked):
    """The same export is being made by another process."""

    advice = "Wait until it has ended, or end it; then give the same command again."


class OutputRefused(Terminal):
    """The archive cannot be written where it was to go."""

    advice = (
        "Make room there or choose another place, and give the same command again: what runners have handed over "
        "waits, sealed, until the request expires, and no longer."
    )
