"""What calls to an S3 service cost."""

from __future__ import annotations

from mover.connectors.costs import CallCosts, Step

COSTS = CallCosts(
    title="S3",
    reads=(Step(calls=1),),
    read_alone=1,
    uploads=(Step(calls=1),),
)
