"""Pictures in docs/pictures are drawn from their text, and not forgotten when it changes."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"


@pytest.mark.parametrize("source", sorted(PICTURES.glob("*.dot")), ids=lambda path: path.stem)
def test_a_picture_shows_all_that_its_text_says(source: Path) -> None:
    drawn = unescape(source.with_suffix(".svg").read_text())
    said = {
        line for label in re.findall(r'label="([^"]+)"', source.read_text()) for line in label.split(r"\n")
    }
    shown = set(re.findall(r"<text[^>]*>([^<]*)</text>", drawn))
    assert said == shown, "draw it anew with `make pictures`"
