"""Static files under names that change with their content, so that a browser may keep them for ever."""

from __future__ import annotations

import gzip
import hashlib
import re
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType

KEEP = "public, max-age=31536000, immutable"
"""What a browser is told about a file whose name says its content."""

_STYLES = ("tokens", "base", "layout", "controls", "tables", "status")
_SCRIPTS = ("trust", "toasts", "dialogs", "forms", "selection", "pickers", "live", "passkeys", "offline")
_URL = re.compile(r'url\("([^"/]+)"\)')
_MEDIA_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "woff2": "font/woff2",
    "png": "image/png",
}
_PACKED_ALREADY = frozenset({"woff2", "png"})
_HASH_LENGTH = 12


@dataclass(frozen=True)
class Asset:
    """One static file: its address, and its content as it is and packed."""

    name: str
    media_type: str
    content: bytes
    packed: bytes | None


class Assets:
    """All static files, read once. `url("mover.css")` is what a page refers to."""

    def __init__(self, assets: dict[str, Asset]) -> None:
        self._urls = MappingProxyType({plain: f"/static/{asset.name}" for plain, asset in assets.items()})
        self._plain = MappingProxyType(dict(assets))
        self._by_name = MappingProxyType({asset.name: asset for asset in assets.values()})

    def url(self, name: str) -> str:
        """Address of a file, by its plain name. Raises KeyError: there is no such file."""
        return self._urls[name]

    def plain(self, name: str) -> Asset:
        """A file by its plain name. Raises KeyError: there is no such file."""
        return self._plain[name]

    def find(self, hashed_name: str) -> Asset | None:
        """The file of that address; None if there is none, or not with that content."""
        return self._by_name.get(hashed_name)


def load_assets() -> Assets:
    """Read the static files of this package; style sheets and scripts become one file each."""
    static = files("mover.web") / "static"
    assets: dict[str, Asset] = {}
    for folder, ending in (("fonts", "woff2"), ("icons", "svg"), ("vendor", "js")):
        for file in sorted((static / folder).iterdir(), key=lambda file: file.name):
            if file.name.endswith(f".{ending}"):
                assets[file.name] = _asset(file.name, file.read_bytes())
    styles = _URL.sub(
        lambda found: f'url("/static/{assets[found[1]].name}")', _joined(static / "styles", _STYLES, "css")
    )
    assets["mover.css"] = _asset("mover.css", styles.encode())
    assets["offline.js"] = _asset("offline.js", (static / "offline.js").read_bytes())
    assets["mover.js"] = _asset("mover.js", _joined(static / "scripts", _SCRIPTS, "js").encode())
    return Assets(assets)


def _joined(folder: Traversable, names: tuple[str, ...], ending: str) -> str:
    return "\n".join((folder / f"{name}.{ending}").read_text(encoding="utf-8") for name in names)


def _asset(name: str, content: bytes) -> Asset:
    stem, _, ending = name.rpartition(".")
    fingerprint = hashlib.sha256(content).hexdigest()[:_HASH_LENGTH]
    packed = None if ending in _PACKED_ALREADY else gzip.compress(content, 9, mtime=0)
    return Asset(f"{stem}.{fingerprint}.{ending}", _MEDIA_TYPES[ending], content, packed)
