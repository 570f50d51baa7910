"""Run all servers of a one-machine Swift: `python swift_node.py CONFIGURATION_FOLDER`, first process of a jail.

It builds the rings, starts the servers, and ends as soon as one of them does; the kernel then ends the others.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from swift.common.ring import RingBuilder  # type: ignore[import-untyped]  # it has no types


def main(folder: Path) -> None:
    """Run until a server ends."""
    account, container, object_, memcached, *_ = map(int, (folder / "ports").read_text().split())
    for name, port in (("account", account), ("container", container), ("object", object_)):
        builder = RingBuilder(part_power=4, replicas=1, min_part_hours=1)
        builder.add_dev(
            {"id": 0, "region": 1, "zone": 1, "ip": "127.0.0.1", "port": port, "device": "disk", "weight": 1}
        )
        builder.rebalance()
        builder.get_ring().save(str(folder / f"{name}.ring.gz"))
    commands = [["memcached", "-l", "127.0.0.1", "-p", str(memcached), "-U", "0", "-m", "64", "-u", "nobody"]]
    for kind in ("account", "container", "object", "proxy", "plain"):
        program = Path(sys.executable).with_name(f"swift-{'proxy' if kind == 'plain' else kind}-server")
        commands.append([sys.executable, str(program), str(folder / f"{kind}-server.conf"), "-v"])
    started = [subprocess.Popen(command) for command in commands]
    ended, status = os.wait()
    sys.exit(f"process {ended} of {[process.pid for process in started]} ended with {status}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
