"""What calls to Swift cost."""

from __future__ import annotations

from mover.connectors.costs import CallCosts, Step

COSTS = CallCosts(
    title="Swift",
    reads=(Step(calls=1),),
    read_alone=1,
    uploads=(Step(calls=1),),
    replace=1,
)
