"""What a library does to Office files after it has taken them: properties of its own are written into them."""

from __future__ import annotations

from simulators.blobs import Blob, Bytes, Joined
from simulators.nodes import Node

ENDINGS = (".docx", ".xlsx", ".pptx")
_WRITTEN = b"<p:properties xmlns:p='http://schemas.microsoft.com/office/2006/metadata/properties'/>" * 60


def is_rewritten(node: Node) -> bool:
    """Tell whether a file is one of those."""
    return node.name.lower().endswith(ENDINGS)


def rewritten(blob: Blob) -> Blob:
    """Return what becomes of a content."""
    return Joined([blob, Bytes(_WRITTEN)])
