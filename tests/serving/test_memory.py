from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from mover.errors import InvalidConfiguration
from mover.serving.memory import Swappable, keep_out_of_swap, swap_is_there

HEADER = "Filename\tType\tSize\tUsed\tPriority\n"


@pytest.mark.parametrize(
    ("locks", "swaps", "expected"),
    [
        (True, True, Swappable.LOCKED),
        (False, False, Swappable.NO_SWAP),
        (False, True, Swappable.MAYBE),
    ],
)
def test_what_came_of_it_is_told_and_logged(caplog, locks, swaps, expected):
    with caplog.at_level(logging.INFO):
        assert keep_out_of_swap("automatic", lock=lambda: locks, has_swap=lambda: swaps) is expected
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING" if expected is Swappable.MAYBE else "INFO", str(expected))
    ]


@pytest.mark.promise("isolation")
def test_who_requires_it_is_not_started_without():
    with pytest.raises(InvalidConfiguration, match="LimitMEMLOCK=infinity"):
        keep_out_of_swap("required", lock=lambda: False, has_swap=lambda: True)
    assert keep_out_of_swap("required", lock=lambda: False, has_swap=lambda: False) is Swappable.NO_SWAP


def test_who_wants_nothing_gets_nothing():
    def never() -> bool:
        raise AssertionError

    assert keep_out_of_swap("off", lock=never, has_swap=never) is Swappable.ALLOWED


def machine(folder: Path, *, swaps: str | None, limits: dict[str, str]) -> tuple[Path, Path]:
    proc, cgroups = folder / "proc", folder / "cgroup"
    (proc / "self").mkdir(parents=True)
    if swaps is not None:
        (proc / "swaps").write_text(HEADER + swaps)
    (proc / "self" / "cgroup").write_text("1:name=systemd:/old\n0::/system.slice/mover.service\n")
    for group, limit in limits.items():
        (cgroups / group).mkdir(parents=True, exist_ok=True)
        (cgroups / group / "memory.swap.max").write_text(limit + "\n")
    return proc, cgroups


@pytest.mark.parametrize(
    ("swaps", "limits", "expected"),
    [
        ("", {}, False),
        ("/swapfile file 1 0 -2\n", {}, True),
        ("/swapfile file 1 0 -2\n", {"system.slice/mover.service": "0"}, False),
        ("/swapfile file 1 0 -2\n", {"system.slice": "0", "system.slice/mover.service": "max"}, False),
        ("/swapfile file 1 0 -2\n", {"system.slice/mover.service": "max", "other": "0"}, True),
        (None, {}, True),  # /proc/swaps is hidden: nobody knows
        (None, {"system.slice/mover.service": "0"}, False),
    ],
)
def test_whether_there_is_swap_is_read_from_the_system(tmp_path, swaps, limits, expected):
    assert swap_is_there(*machine(tmp_path, swaps=swaps, limits=limits)) is expected


@pytest.mark.promise("isolation")
def test_a_process_that_may_lock_its_memory_does_also_what_it_asks_for_later():
    code = (
        "from mover.serving.memory import lock_all\n"
        "import pathlib, re\n"
        "def held():\n"
        "    text = pathlib.Path('/proc/self/status').read_text()\n"
        "    return int(re.search(r'VmLck:\\s+(\\d+)', text)[1])\n"
        "done = lock_all(); before = held(); more = bytearray(b'x') * (8 << 20)\n"
        "print(done, before > 0, held() - before >= 8 << 10)"
    )
    capable = (
        int(
            next(
                line.split()[1]
                for line in Path("/proc/self/status").read_text().splitlines()
                if line.startswith("CapEff")
            ),
            16,
        )
        >> 14
        & 1
    )
    if not capable:
        pytest.skip("this user may not lock memory")
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "True True True\n"
