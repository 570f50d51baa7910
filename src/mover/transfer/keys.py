"""Names of temporary objects: the same for an item after a restart, and nobody else's."""

from __future__ import annotations

import hashlib

from mover.ledger.records import Pair


def item_key(pair: Pair, source_key: str) -> str:
    """Key of an upload target (`contract.Target.key`): says nothing about the item to those who see it."""
    return hashlib.sha256(f"{pair.token}\n{source_key}".encode()).hexdigest()[:24]
