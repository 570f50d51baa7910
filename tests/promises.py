"""Which tests prove which promise, and the table of them at the end of a run.

A test is marked with what it proves: `@pytest.mark.promise("P4")`, `@pytest.mark.promise("P7", "egress")`. A promise is
kept when at least one test of it ran and passed and none failed; `make security` runs these tests alone. What no
test of a complete run proved counts as broken: a promise that nothing checks is none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pytest

PROMISES = {
    "P1": "content is encrypted as soon as it is received, and never rests in the clear",
    "P2": "nothing of a file is retained",
    "P3": "a file counts as moved only when its arrival was verified",
    "P4": "nothing is deleted or changed at the source, nothing deleted at the destination",
    "P5": "the database alone is worthless to a thief",
    "P6": "OAuth over TLS; deleting a connection revokes it and destroys its secrets",
    "P7": "runners accept no connection, and all leaves through one point",
    "P8": "sessions at the one API, managed keys at the other, TLS only",
    "P9": "staff see metadata, never content; exceptions need two people and are audited",
    "P10": "a lawful request can be served, by two people, and is audited",
    "P11": "users may add encryption of their own, whose keys Mover never has",
    "P12": "whatever is killed, the move goes on: nothing lost, nothing twice",
    "P13": "external shares are not re-created, permissions never become wider",
    "egress": "one way out, in a network that allows no other",
    "isolation": "each part with the rights that it needs, and no more",
    "administration": "two-stage SSH, keys only",
    "tls": "strong TLS wherever something listens",
    "audit": "what was removed, changed or reordered in the audit log is found",
    "privacy": "personal data is known, exported, deleted",
    "availability": "restarts, failovers and restores cost no request and no file",
    "supply-chain": "what is installed is what was locked, named and built",
    "reporting": "who finds a weakness knows where to tell of it",
}
"""What is promised (P1 to P13), and what else `docs/security.md` says that a test must show."""

_MARKED = "promises"


def pytest_configure(config: pytest.Config) -> None:
    """Tell pytest of the mark."""
    config.addinivalue_line("markers", "promise(*names): what the test proves, of tests/promises.py")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Write what a test proves where its report carries it, also from another process."""
    for mark in item.iter_markers("promise"):
        for name in mark.args:
            if name not in PROMISES:
                raise pytest.UsageError(f"{item.nodeid}: there is no promise {name!r}; see tests/promises.py")
            item.user_properties.append((_MARKED, str(name)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table, if tests of promises ran."""
    stats = terminalreporter.stats
    passed = _counted(stats.get("passed", ()))
    failed = _counted([*stats.get("failed", ()), *stats.get("error", ())])
    skipped = _counted(stats.get("skipped", ()))
    if not passed and not failed:
        return
    everywhere = [str(config.rootpath / path) for path in config.getini("testpaths")]
    complete = (
        config.option.markexpr in {"", "promise"}
        and not config.option.keyword
        and [str(config.invocation_params.dir / path) for path in config.args] == everywhere
    )
    terminalreporter.section("promises")
    for name, words in PROMISES.items():
        if failed[name]:
            verdict = "FAIL"
        elif passed[name]:
            verdict = "pass"
        elif complete:
            verdict = "NOT SHOWN"
        else:
            continue
        told = f"{passed[name]} passed" + "".join(
            f", {count} {word}"
            for count, word in ((failed[name], "failed"), (skipped[name], "skipped"))
            if count
        )
        terminalreporter.line(f"{name:<15}{verdict:<11}{words} ({told})")


def _counted(reports: Iterable[object]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for report in reports:
        if isinstance(report, pytest.TestReport):
            counted.update({str(value) for key, value in report.user_properties if key == _MARKED})
    return counted
