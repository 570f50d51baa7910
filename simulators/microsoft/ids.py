"""How ids, tags and times look."""

from __future__ import annotations

import base64
import hashlib
import itertools
import uuid
from datetime import UTC, datetime, timedelta

from simulators.nodes import Node

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Ids:
    """Makes ids that are the same in each run."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def _digest(self, what: str) -> bytes:
        return hashlib.sha256(f"{what} {next(self._numbers)}".encode()).digest()

    def guid(self) -> str:
        """Of users, sites, requests."""
        return str(uuid.UUID(bytes=self._digest("guid")[:16]))

    def drive(self) -> str:
        """Of a drive of an organisation."""
        return "b!" + base64.urlsafe_b64encode(self._digest("drive") + self._digest("list")[:16]).decode()

    def personal_drive(self) -> str:
        """Of a drive of a Microsoft account: 16 hexadecimal digits."""
        return self._digest("cid")[:8].hex().upper()

    def item(self) -> str:
        """Of an item of an organisation's drive."""
        return "01" + base64.b32encode(self._digest("item")[:20]).decode()

    def personal_item(self, drive_id: str) -> str:
        """Of an item of a personal drive."""
        return f"{drive_id}!s{self._digest('item')[:16].hex()}"

    def secret(self) -> str:
        """Of links that carry a right of their own."""
        return base64.urlsafe_b64encode(self._digest("secret")).rstrip(b"=").decode()


def unique_id(node: Node) -> str:
    """The GUID of an item in SharePoint."""
    return str(uuid.UUID(bytes=hashlib.sha256(node.id.encode()).digest()[:16])).upper()


def e_tag(node: Node, *, personal: bool) -> str:
    """Changes with everything about an item."""
    if personal:
        return "a" + base64.b64encode(f"{node.id}.{node.revision}".encode()).decode().rstrip("=")
    return f'"{{{unique_id(node)}}},{node.revision}"'


def c_tag(node: Node, *, personal: bool) -> str:
    """Changes with the content of an item."""
    count = node.properties.get("contents", 1)
    if personal:
        return "a" + base64.b64encode(f"{node.id}.c{count}".encode()).decode().rstrip("=")
    return f'"c:{{{unique_id(node)}}},{count}"'


def spell_time(at_ns: int, *, personal: bool) -> str:
    """As drives tell times: whole seconds, or milliseconds on personal ones."""
    moment = _EPOCH + timedelta(microseconds=at_ns // 1000)
    if personal:
        return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def read_time(text: str) -> int:
    """Nanoseconds since 1970. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000
