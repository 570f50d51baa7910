"""`mover serve`: everything on this machine, with one command."""

from __future__ import annotations

import sys

from mover.cli.codes import ALL_WELL
from mover.cli.listening import listening, settings_with
from mover.serving.home_lock import alone_in
from mover.serving.listening import close_all


def serve(host: str | None, port: int | None, email: str) -> int:
    """Serve until SIGTERM or Ctrl-C; a second signal hurries. Returns the exit code.

    Raises InvalidConfiguration, and Locked: the port is taken, or another `mover serve` has this MOVER_HOME.
    """
    with alone_in(settings_with(host, port).home):
        settings, sockets = listening(host, port)
        try:
            # Loaded only now: who cannot start shall hear so at once.
            from mover.cli.everything import run_everything  # noqa: PLC0415

            run_everything(settings, sockets, email, on_terminal=sys.stderr.isatty())
        finally:
            close_all(sockets)
    return ALL_WELL
