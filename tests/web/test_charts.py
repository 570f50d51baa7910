"""Charts stay within their frame, whatever the figures."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from mover.web.charts import HEIGHT, WIDTH, parts, throughput

SECOND = 1_000_000_000


def test_a_few_samples_are_too_few():
    assert throughput([]) is None
    assert throughput([(0, 0), (SECOND, 5)]) is None
    assert throughput([(SECOND, 5)] * 10) is None


def test_rates_are_those_between_the_samples():
    line = throughput([(0, 0), (SECOND, 1000), (3 * SECOND, 5000), (4 * SECOND, 5000)])
    assert line is not None
    assert line.series == ((1.0, 1000.0), (3.0, 2000.0), (4.0, 0.0))
    assert line.peak == 2000
    assert line.grid[0].value == 0
    assert line.grid[-1].value >= 2000


@given(st.lists(st.tuples(st.integers(1, 10**14), st.integers(0, 10**15)), min_size=4, max_size=1000))
def test_every_point_is_within_the_frame(steps: list[tuple[int, int]]):
    at = total = 0
    samples = []
    for apart, more in steps:
        at, total = at + apart, total + more
        samples.append((at, total))
    line = throughput(samples)
    assert line is not None
    assert len(line.series) <= 245
    for x, y in re.findall(r"(-?[\d.]+),(-?[\d.]+)", line.points):
        assert 0 <= float(x) <= WIDTH
        assert 0 <= float(y) <= HEIGHT


@given(st.lists(st.integers(0, 10**9), max_size=6))
def test_parts_fill_the_bar(amounts: list[int]):
    slices = parts([(str(n), "good", amount) for n, amount in enumerate(amounts)])
    assert len(slices) == sum(amount > 0 for amount in amounts)
    if slices:
        assert abs(sum(one.width for one in slices) - 100) < 0.01
        assert slices[-1].x + slices[-1].width <= 100.01
