"""Entries as Graph describes them ("driveItem resource type"), and listings."""

from __future__ import annotations

import base64
import mimetypes
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from simulators.accounts import Person
from simulators.microsoft.addresses import Spot
from simulators.microsoft.calls import Answer, Call
from simulators.microsoft.errors import invalid
from simulators.microsoft.ids import c_tag, e_tag, spell_time
from simulators.microsoft.state import LIBRARY, Library, State, quickxor_of
from simulators.nodes import Node

GRAPH = "https://graph.microsoft.com/v1.0"
_PAGE = 200
_LONGEST_PAGE = 1000


def identity(person: Person | None, *, personal: bool) -> dict[str, Any]:
    """Describe who did something; Microsoft accounts hide their addresses."""
    if person is None:
        return {"application": {"id": "00000003-0000-0000-0000-000000000000", "displayName": "Mover"}}
    told = {"id": person.id, "displayName": person.name}
    return {"user": told if personal else {"email": person.email, **told}}


def item_json(state: State, library: Library, node: Node, *, link: bool = True) -> dict[str, Any]:
    """Describe an entry."""
    personal = library.is_personal
    changed = spell_time(node.modified_ns, personal=personal)
    made = spell_time(node.created_ns, personal=personal)
    author = node.version.author if node.versions else node.owner
    told: dict[str, Any] = {
        "createdDateTime": made,
        "eTag": e_tag(node, personal=personal),
        "id": node.id,
        "lastModifiedDateTime": changed,
        "name": node.name if node.parent is not None else "root",
        "webUrl": f"https://{library.host}{library.prefix}{quote(node.path)}",
        "size": node.size,
        "createdBy": identity(node.owner, personal=personal),
        "lastModifiedBy": identity(author, personal=personal),
        "parentReference": _parent(library, node),
        "fileSystemInfo": {"createdDateTime": made, "lastModifiedDateTime": changed},
    }
    if node.properties.get("package"):
        told["package"] = {"type": "oneNote"}
    elif node.is_folder:
        told["folder"] = {"childCount": len(library.drive.children(node))}
    else:
        told["cTag"] = c_tag(node, personal=personal)
        told["file"] = _file(state, node)
        if link and not state.faults.take("no download url"):
            told["@microsoft.graph.downloadUrl"] = state.ticket(library, node)
    if personal and node.is_folder:
        told["cTag"] = c_tag(node, personal=True)
    if node.parent is None:
        told["root"] = {}
    if node.properties.get("malware"):
        told["malware"] = {"description": "EICAR"}
    if (remote := node.properties.get("remote")) is not None:
        told["remoteItem"] = remote
        told.pop("file", None)
    is_shared = bool(node.grants)
    if not is_shared and state.faults.take("shared facet on what inherits"):
        is_shared = any(above.grants for above in node.ancestors())
    if is_shared:
        told["shared"] = {"scope": "anonymous" if any(g.kind == "link" for g in node.grants) else "users"}
    return told


def _file(state: State, node: Node) -> dict[str, Any]:
    told: dict[str, Any] = {"mimeType": mimetypes.guess_type(node.name)[0] or "application/octet-stream"}
    if node.size and not state.faults.take("no hashes"):
        told["hashes"] = {"quickXorHash": quickxor_of(node.version)}
    return told


def _parent(library: Library, node: Node) -> dict[str, Any]:
    told: dict[str, Any] = {"driveId": library.id, "driveType": library.kind}
    if library.is_personal:
        told["driveId"] = library.id.lower().lstrip("0")  # as the real one is seen to do now and then
    if library.site is not None and library.kind == LIBRARY:
        told["siteId"] = library.site.id
    if node.parent is not None:
        above = quote(node.parent.path.rstrip("/")) if node.parent.parent is not None else ""
        told |= {"id": node.parent.id, "name": node.parent.name, "path": f"/drives/{library.id}/root:{above}"}
    return told


def chosen(told: dict[str, Any], query: Mapping[str, str]) -> dict[str, Any]:
    """Keep what `$select` asks for."""
    names = query.get("$select") or query.get("select")
    if not names:
        return told
    wanted = set(names.split(","))
    return {name: value for name, value in told.items() if name in wanted or name.startswith("@odata.")}


def get_item(state: State, call: Call, spot: Spot) -> Answer:
    """Describe one entry."""
    return Answer(200, chosen(item_json(state, spot.library, spot.there()), call.query))


def get_children(state: State, call: Call, spot: Spot) -> Answer:
    """List a folder, in pages."""
    library, node = spot.library, spot.there()
    page = page_size(call.query)
    offset = read_token(call.query.get("$skiptoken"))
    listed = library.drive.children(node, listed=True) if node.is_folder else []
    told = [chosen(item_json(state, library, child), call.query) for child in listed[offset : offset + page]]
    body: dict[str, Any] = {"@odata.context": f"{GRAPH}/$metadata#children", "value": told}
    if offset + page < len(listed):
        body["@odata.nextLink"] = next_link(state, call, offset + page)
    return Answer(200, body)


def page_size(query: Mapping[str, str], default: int = _PAGE, most: int = _LONGEST_PAGE) -> int:
    """Read `$top`."""
    text = query.get("$top", str(default))
    if not text.isdecimal() or int(text) < 1:
        raise invalid("Invalid value for $top")
    return min(int(text), most)


def next_link(state: State, call: Call, position: int, **more: str) -> str:
    """The address of the next page."""
    base = "https://graph.example.net/v1.0" if state.faults.take("foreign next link") else GRAPH
    token = base64.urlsafe_b64encode(msgspec.json.encode({"o": position})).decode().rstrip("=")
    kept = {name: value for name, value in call.query.items() if name != "$skiptoken"}
    query = urlencode({**kept, **more, "$skiptoken": token}, quote_via=quote, safe="$,@.")
    return f"{base}{quote(call.path, safe='/:!,$().=')}?{query}"


def read_token(text: str | None) -> int:
    """The position in a token that `next_link` made."""
    if text is None:
        return 0
    try:
        found = msgspec.json.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return int(found["o"])
    except (ValueError, msgspec.DecodeError, KeyError, TypeError):
        raise invalid("The $skiptoken is invalid") from None


def paged(state: State, call: Call, told: Sequence[Any], *, default: int = 100, most: int = 999) -> Answer:
    """Answer a collection in pages."""
    page = page_size(call.query, default, most)
    offset = read_token(call.query.get("$skiptoken"))
    body: dict[str, Any] = {"value": [chosen(one, call.query) for one in told[offset : offset + page]]}
    if offset + page < len(told):
        body["@odata.nextLink"] = next_link(state, call, offset + page)
    return Answer(200, body)
