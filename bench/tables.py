"""Tables in Markdown, which a terminal shows as well."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from bench.cases import Case, Measurement
from bench.trees import MIB

_GIB = 1024 * MIB
_HEADER = (
    "pair",
    "client",
    "wall s",
    "wall ratio",
    "CPU s / GiB",
    "CPU s / 1,000 files",
    "peak MB",
    "calls / file",
)


def case_table(case: Case, measured: Sequence[Measurement], yardstick: str) -> str:
    """Return the table of a case; a client's wall ratio is its time by that of the client named `yardstick`.

    Each figure is the median of the rounds, and the ratio is shown for each round, too.
    """
    lines = []
    for pair in dict.fromkeys(one.pair for one in measured):
        of_pair = [one for one in measured if one.pair == pair]
        for client in sorted({one.client for one in of_pair}, key=lambda name: (name == yardstick, name)):
            own = [one for one in of_pair if one.client == client]
            against = [one for one in of_pair if one.client == yardstick]
            lines.append(_line(pair, client, own, against))
    return f"### {case.title}\n\n{table(_HEADER, lines)}"


def table(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table whose columns line up, the first two to the left, the others to the right."""
    rows = [tuple(header), *map(tuple, lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    left = 2

    def drawn(row: Sequence[str]) -> str:
        cells = (
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        return f"| {' | '.join(cells)} |"

    rule = ["-" * width if column < left else "-" * (width - 1) + ":" for column, width in enumerate(widths)]
    return "\n".join((drawn(rows[0]), drawn(rule), *map(drawn, rows[1:])))


def _line(
    pair: str, client: str, own: Sequence[Measurement], against: Sequence[Measurement]
) -> tuple[str, ...]:
    wall_s = statistics.median(one.wall_s for one in own)
    cpu_s = statistics.median(one.cpu_s for one in own)
    files, size = own[0].files, own[0].size_bytes
    return (
        pair,
        client,
        f"{wall_s:.1f}",
        _ratios(own, against),
        f"{cpu_s / size * _GIB:.1f}" if size >= _GIB // 10 else "-",
        f"{cpu_s / files * 1000:.2f}" if files >= 10 else "-",  # noqa: PLR2004 - of four files it says nothing
        f"{max(one.peak_bytes for one in own) / 1e6:.0f}",
        _calls(own),
    )


def _ratios(own: Sequence[Measurement], against: Sequence[Measurement]) -> str:
    by_round = {one.round: one.wall_s for one in against}
    ratios = [one.wall_s / by_round[one.round] for one in own if one.round in by_round]
    if not ratios:
        return "-"
    each = f" ({', '.join(f'{ratio:.2f}' for ratio in ratios)})" if len(ratios) > 1 else ""
    return f"{statistics.median(ratios):.2f}{each}"


def _calls(own: Sequence[Measurement]) -> str:
    files = own[0].files
    return (
        ", ".join(
            f"{service} {statistics.median(one.calls[service] for one in own) / files:.2f}"
            for service in sorted(own[0].calls)
        )
        or "-"
    )
