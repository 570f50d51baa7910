"""What is measured: the cases, the pairs of services, and one measurement."""

from __future__ import annotations

from dataclasses import dataclass

from bench.trees import KIB, MIB, Tree

_MANY_FOR_SWIFT = 10_000  # of which one node takes some hundred a second

PAIRS = ("sftp-webdav", "s3-s3", "webdav-s3", "ftp-sftp", "s3-swift")


@dataclass(frozen=True, kw_only=True)
class Case:
    """Something that people do, with the tree that they do it to.

    Attributes:
        key: How it is chosen on the command line.
        title: What is done.
        tree: What is moved.
        again: Everything has been copied before, and only the look that finds nothing to do is measured.
        too_long: Pairs for which that first copy would take most of an hour.
    """

    key: str
    title: str
    tree: Tree
    again: bool = False
    too_long: frozenset[str] = frozenset()


def cases(scale: float) -> dict[str, Case]:
    """Return all cases by key; `scale` makes them smaller: files where there are many, bytes where there are few."""
    small = Tree(name="small", files=_scaled(5_000, scale), smallest=4 * KIB, largest=64 * KIB)
    size = _scaled(512 * MIB, scale)
    large = Tree(name="large", files=4, smallest=size, largest=size)
    many = Tree(name="many", files=_scaled(100_000, scale), smallest=64, largest=KIB)
    found = (
        Case(key="small", title=f"{small.files:,} files of 4 to 64 KiB", tree=small),
        Case(key="large", title=f"4 files of {size / MIB:,.0f} MiB", tree=large),
        Case(
            key="again",
            title=f"Nothing to do over {many.files:,} files",
            tree=many,
            again=True,
            too_long=frozenset({"s3-swift"} if many.files > _MANY_FOR_SWIFT else ()),
        ),
    )
    return {case.key: case for case in found}


def _scaled(number: int, scale: float) -> int:
    return max(1, round(number * scale))


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """What one client needed for a case, once.

    Attributes:
        case: Its key.
        pair: Source and destination, such as `webdav-s3`.
        client: Its name.
        round: Counted from 1.
        files: Files of the tree.
        size_bytes: Their bytes.
        wall_s: Time on the wall.
        cpu_s: Time of the processors, the client's alone.
        peak_bytes: Most resident memory of the client.
        calls: Requests that a server counted, by service; nothing of a server that counts none.
    """

    case: str
    pair: str
    client: str
    round: int
    files: int
    size_bytes: int
    wall_s: float
    cpu_s: float
    peak_bytes: int
    calls: dict[str, int]
