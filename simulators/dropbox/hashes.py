"""Dropbox's content hash: SHA-256 of the SHA-256s of blocks of 4 MiB."""

from __future__ import annotations

import hashlib

from simulators.blobs import Blob
from simulators.nodes import Version

BLOCK = 4 * 1024 * 1024


def content_hash(blob: Blob) -> str:
    """Hash a content."""
    whole = hashlib.sha256()
    for start in range(0, blob.size, BLOCK):
        block = hashlib.sha256()
        for piece in blob.pieces(start, BLOCK):
            block.update(piece)
        whole.update(block.digest())
    return whole.hexdigest()


def hash_of(version: Version) -> str:
    """The hash of a revision's content, computed once."""
    known = version.properties.get("content_hash")
    if known is None:
        known = version.properties["content_hash"] = content_hash(version.blob)
    return str(known)
