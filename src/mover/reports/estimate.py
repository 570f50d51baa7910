"""What a move will cost, in words: the calls, and the time with what decides it."""

from __future__ import annotations

from mover.ledger.estimates import Estimate, SideCalls

_MINUTE, _HOUR, _DAY = 60.0, 3_600.0, 86_400.0
_LONGEST_S = 1_000 * _DAY
_FEW = 10  # of a unit: below, halves of it tell something


def calls_told(estimate: Estimate) -> str:
    """The calls on both sides, in a sentence."""
    sides = [side for side in (estimate.source, estimate.destination) if side.calls is not None]
    if not sides:
        return "Nobody counts the calls to either side."
    told = " and ".join(f"{_about(side)} to {_side(estimate, side)}" for side in sides)
    left_out = f", without {' and '.join(estimate.uncounted)}" if estimate.uncounted else ""
    return f"{told[0].upper()}{told[1:]}{left_out}."


def time_told(estimate: Estimate) -> str:
    """The time in a sentence, with what decides it; says so where it is not known."""
    if not estimate.files:
        return "There are no files to move."
    least, most_s = estimate.least, estimate.most_s
    window = _window(estimate)
    if most_s is not None and least is not None:
        return f"{_range(_wall(estimate, least.seconds), _wall(estimate, most_s))}: {least.why}{window}."
    unknown = "nothing that tells the pace has been moved between the two yet"
    if least is None:
        return f"Not known: {unknown}, and neither publishes a limit."
    if least.seconds < _MINUTE:
        return f"Not known: {unknown}. No limit that is known makes it take longer than a minute."
    at_least = span(_wall(estimate, least.seconds))
    return f"At least {at_least}: {least.why}{window}. How much longer is not known: {unknown}."


def span(seconds: float) -> str:
    """A time span as a person would say it: `less than a minute`, `5 minutes`, `2.5 hours`, `12 days`."""
    if not seconds >= _MINUTE:
        return "less than a minute"
    if seconds >= _LONGEST_S:
        return f"more than {_LONGEST_S / _DAY:,.0f} days"
    number, unit = _in_unit(seconds)
    return f"{number} {unit}{'' if number == '1' else 's'}"


def _range(low_s: float, high_s: float) -> str:
    low, high = span(low_s), span(high_s)
    if low == high:
        bounded = _MINUTE <= low_s < _LONGEST_S
        return f"About {low}" if bounded else low[0].upper() + low[1:]
    if low_s >= _MINUTE and high_s < _LONGEST_S:
        (number, unit), (_, other) = _in_unit(low_s), _in_unit(high_s)
        if unit == other:
            return f"Between {number} and {high}"
    return f"Between {low} and {high}"


def _in_unit(seconds: float) -> tuple[str, str]:
    if seconds < _HOUR:
        unit_s, name = _MINUTE, "minute"
    elif seconds < 2 * _DAY:
        unit_s, name = _HOUR, "hour"
    else:
        unit_s, name = _DAY, "day"
    count = seconds / unit_s
    rounded = round(count * 2) / 2 if count < _FEW else round(count)
    return f"{rounded:g}", name


def _wall(estimate: Estimate, seconds: float) -> float:
    """The time from start to end where work goes on only so many hours a day."""
    hours = estimate.hours_a_day
    return seconds if not 0 < hours < 24 or seconds <= hours * _HOUR else seconds * 24 / hours  # noqa: PLR2004 - of a day


def _window(estimate: Estimate) -> str:
    hours = estimate.hours_a_day
    return f", within a window of {hours:g} hours a day" if 0 < hours < 24 else ""  # noqa: PLR2004 - of a day


def _about(side: SideCalls) -> str:
    calls = side.calls or 0
    return f"about {calls:,} call{'' if calls == 1 else 's'}"


def _side(estimate: Estimate, side: SideCalls) -> str:
    if estimate.source.service != estimate.destination.service:
        return side.service
    return f"{side.service} as the {'source' if side is estimate.source else 'destination'}"
