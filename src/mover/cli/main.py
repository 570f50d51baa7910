"""`mover`: the entry point. Whatever happens, it ends with an exit code and at most two lines, never a traceback."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from mover.cli import process


def main() -> None:
    """Run the command line of this process and exit."""
    process.harden()
    process.load_only_our_own()
    process.load_without_collecting()
    process.prepare_streams()
    try:
        process.end_on_terminate()
        code = run_command_line(sys.argv[1:])
    except KeyboardInterrupt:  # before or after the command itself
        code = 130
    process.ignore_interrupts()
    process.end_without_collecting()
    sys.exit(code)


def run_command_line(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code. Prints all there is to say, and raises nothing."""
    from mover.cli.faults import handled  # noqa: PLC0415 - what takes time to load is loaded inside of `main`'s try

    return handled(arguments, lambda: _invoke(arguments))


def _invoke(arguments: Sequence[str]) -> int:
    from mover.cli.remote.routing import is_for_a_server  # noqa: PLC0415 - as above

    if is_for_a_server(arguments):
        from mover.cli.remote.app import app  # noqa: PLC0415 - as above
    else:
        from mover.cli.app import app  # noqa: PLC0415 - as above

    code = app(list(arguments), prog_name="mover", standalone_mode=False)
    sys.stdout.flush()
    return code if isinstance(code, int) else 0
