"""Versions ("List versions of a driveItem")."""

from __future__ import annotations

from simulators.microsoft.addresses import Spot
from simulators.microsoft.calls import Answer, Call
from simulators.microsoft.contents import redirect
from simulators.microsoft.errors import invalid, not_found
from simulators.microsoft.ids import spell_time
from simulators.microsoft.items import identity
from simulators.microsoft.state import State


def get_versions(_state: State, _call: Call, spot: Spot) -> Answer:
    """List them, the newest first."""
    node = spot.there()
    if node.is_folder:
        raise invalid("A folder has no versions")
    personal = spot.library.is_personal
    told = [
        {
            "id": version.properties.get("label", "1.0"),
            "lastModifiedDateTime": spell_time(version.modified_ns, personal=personal),
            "size": version.blob.size,
            "lastModifiedBy": identity(version.author, personal=personal),
        }
        for version in reversed(node.versions)
    ]
    return Answer(200, {"value": told})


def get_version_content(state: State, _call: Call, spot: Spot, version_id: str) -> Answer:
    """Send on to an earlier content; that of the current version is refused."""
    node = spot.there()
    found = next((v for v in node.versions if v.properties.get("label", "1.0") == version_id), None)
    if found is None:
        raise not_found()
    if found is node.version:
        raise invalid("You cannot get the content of the current version.")
    return redirect(state, spot.library, node, found)
