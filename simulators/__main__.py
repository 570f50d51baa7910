"""Run all simulators until Ctrl-C: `python -m simulators [--port 8800] [--folder DIR]`."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from simulators.front import running


def main() -> int:
    """Start the front, say how clients reach it, and wait."""
    parser = argparse.ArgumentParser(
        prog="python -m simulators", description="Local stand-ins for cloud services."
    )
    parser.add_argument("--port", type=int, default=8800, help="of the proxy (default: 8800; 0: any)")
    parser.add_argument("--folder", type=Path, help="for the certificates (default: a temporary one)")
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as temporary,
        running(given.folder or Path(temporary), port=given.port) as front,
    ):
        sys.stdout.write(f"proxy        {front.proxy_url}\ncertificates {front.ca_file}\n")
        for name, vendor in front.world.vendors.items():
            sys.stdout.write(f"{name:12} {', '.join(vendor.hosts)}\n")
        sys.stdout.flush()
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
    return 0


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    sys.exit(main())
