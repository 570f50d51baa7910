"""What Google's calls cost, and how many it takes."""

from __future__ import annotations

from mover.connectors.costs import CallCosts, Limit, Step, calls_at_most
from mover.connectors.google.uploads import SMALL

_DAY_S = 86_400

COSTS = CallCosts(
    title="Google",
    reads=(Step(calls=1),),
    read_alone=1,
    uploads=(Step(up_to=SMALL, calls=1), Step(calls=2)),
    replace=1,
    folder=Step(calls=1),
    rename=2,
    permit=2,
    limits=(
        calls_at_most(
            "takes 12,000 calls a minute of a user",
            12_000,
            every_s=60,
            source="https://developers.google.com/workspace/drive/api/guides/limits",
        ),
        Limit(
            told="takes 750 GB a day of a user",
            most=750e9,
            every_s=_DAY_S,
            source="https://support.google.com/a/answer/172541",
            uploaded_byte=1,
        ),
    ),
)
