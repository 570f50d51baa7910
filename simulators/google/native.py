"""Documents of Google's own: what they can be exported to, and what can be converted into them.

An export is a real file of its format, and as at Google no two exports of one document have the same bytes.
"""

from __future__ import annotations

import io
import itertools
import zipfile

from simulators.blobs import Blob, Bytes, Joined, MadeUp
from simulators.google.state import NATIVE_PREFIX, media_type
from simulators.nodes import Node

MOST_EXPORTED = 10 * 1024 * 1024
"""Bytes that `files.export` gives ("The exported content is limited to 10 MB")."""

_OFFICE = "application/vnd.openxmlformats-officedocument."
DOCX = _OFFICE + "wordprocessingml.document"
XLSX = _OFFICE + "spreadsheetml.sheet"
PPTX = _OFFICE + "presentationml.presentation"

EXPORTS: dict[str, dict[str, str]] = {
    "document": {
        DOCX: "docx",
        "application/pdf": "pdf",
        "text/plain": "txt",
        "application/vnd.oasis.opendocument.text": "odt",
    },
    "spreadsheet": {XLSX: "xlsx", "application/pdf": "pdf", "text/csv": "csv"},
    "presentation": {PPTX: "pptx", "application/pdf": "pdf", "text/plain": "txt"},
    "drawing": {"image/svg+xml": "svg", "image/png": "png", "application/pdf": "pdf", "image/jpeg": "jpeg"},
    "script": {"application/vnd.google-apps.script+json": "json"},
}
"""Formats by kind of document ("Export MIME types for Google Workspace documents")."""

IMPORTS = {
    DOCX: "document",
    "text/plain": "document",
    XLSX: "spreadsheet",
    "text/csv": "spreadsheet",
    PPTX: "presentation",
}
"""What can become which kind of document."""

_MAIN_PARTS = {"docx": "word/document.xml", "xlsx": "xl/workbook.xml", "pptx": "ppt/presentation.xml"}
_counter = itertools.count(1)


def formats(node: Node) -> dict[str, str]:
    """Return the media types that a document can be exported to, with their endings."""
    return EXPORTS.get(media_type(node).removeprefix(NATIVE_PREFIX), {})


def exported(node: Node, wanted: str) -> Blob:
    """Export a document."""
    ending = formats(node)[wanted]
    text = str(node.properties.get("text", ""))
    number = next(_counter)
    match ending:
        case "docx" | "xlsx" | "pptx":
            head: Blob = Bytes(_package(_MAIN_PARTS[ending], text, number))
        case "svg":
            head = Bytes(
                f'<svg xmlns="http://www.w3.org/2000/svg"><text>{text}</text><!-- {number} --></svg>'.encode()
            )
        case _:
            head = Bytes(f"{text}\n".encode())
    missing = int(node.properties.get("export_size", 0)) - head.size
    return Joined([head, MadeUp(missing, number)]) if missing > 0 else head


def _package(part: str, text: str, number: int) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("[Content_Types].xml", f"<!-- {number} --><Types/>")
        package.writestr(part, f"<text>{text}</text>")
    return written.getvalue()
