"""Names of temporary objects: the same for an item after a restart, and nobody else's."""

from __future__ import annotations

import hashlib

from mover.ledger.records import Pair

_SHOWN = 60  # characters of a name that is too long to be kept


def short_key(text: str) -> str:
    """Stand for a key that is too long to be kept: its beginning and its hash."""
    return f"{text[:_SHOWN]}…sha256:{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


def item_key(pair: Pair, source_key: str) -> str:
    """Key of an upload target (`contract.Target.key`): says nothing about the item to those who see it."""
    return hashlib.sha256(f"{pair.token}\n{source_key}".encode()).hexdigest()[:24]
