"""What calls to Microsoft's services cost, and how many resource units they take."""

from __future__ import annotations

import msgspec

from mover.connectors.costs import CallCosts, Limit, Step
from mover.connectors.microsoft import units
from mover.connectors.microsoft.told_links import LARGEST, MOST_TOLD

_SOURCE = "https://learn.microsoft.com/sharepoint/dev/general-development/how-to-avoid-getting-throttled-or-blocked-in-sharepoint-online"


def _units(told: str, most: float, *, differs: bool, every_s: float = 60) -> Limit:
    return Limit(
        told=told,
        most=most,
        every_s=every_s,
        source=_SOURCE,
        listing=units.MANY,
        reading=units.ONE,
        writing=units.MANY,
        permitting=units.PERMISSIONS,
        differs=differs,
    )


PERSONAL = CallCosts(
    title="OneDrive",
    reads=(
        Step(up_to=0, calls=1),
        Step(up_to=LARGEST, calls=1, alone=2, first=MOST_TOLD),
        Step(calls=2),
    ),
    read_alone=2,
    uploads=(Step(calls=2),),
    rename=2,
    permit=2,
)
"""Of a personal OneDrive, of which Microsoft publishes no number."""

WORK = msgspec.structs.replace(
    PERSONAL,
    title="Microsoft 365",
    limits=(
        _units("takes 1,250 resource units a minute of an app in a small organisation", 1_250, differs=True),
        _units("takes at most 6,250 resource units a minute of an app", 6_250, differs=False),
        _units(
            "takes 1,200,000 resource units a day of an app in a small organisation",
            1_200_000,
            differs=True,
            every_s=86_400,
        ),
        _units(
            "takes at most 6,000,000 resource units a day of an app",
            6_000_000,
            differs=False,
            every_s=86_400,
        ),
    ),
)
