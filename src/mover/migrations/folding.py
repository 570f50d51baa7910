"""Text as it is searched: without regard to case, the same in every database."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from mover.transfer.folding import fold

__all__ = ["fold", "folded_tags", "like", "tags_from", "tags_text", "whole_tag"]

_SEPARATOR = "\n"  # stands in no tag


def folded_tags(tags: Sequence[str]) -> str:
    """All tags, each between separators, so that a whole tag can be looked for; empty for none."""
    return _SEPARATOR + "".join(fold(tag) + _SEPARATOR for tag in tags) if tags else ""


def whole_tag(tag: str) -> str:
    """What stands in `folded_tags` for one tag."""
    return f"{_SEPARATOR}{fold(tag)}{_SEPARATOR}"


def tags_text(tags: Sequence[str]) -> str:
    """Tags as they are stored."""
    return msgspec.json.encode(list(tags)).decode()


def tags_from(text: str) -> tuple[str, ...]:
    """The reverse of `tags_text`."""
    return tuple(msgspec.json.decode(text, type=list[str]))


def like(text: str) -> str:
    r"""Return a pattern for LIKE ... ESCAPE '\' that finds text as it is, anywhere."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
