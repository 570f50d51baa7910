"""What calls to a plain WebDAV server cost."""

from __future__ import annotations

from mover.connectors.costs import CallCosts, Step

COSTS = CallCosts(
    title="WebDAV",
    reads=(Step(calls=1),),
    read_alone=1,
    uploads=(Step(calls=1),),
)
