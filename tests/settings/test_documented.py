from __future__ import annotations

from pathlib import Path

import pytest

from mover.settings import Settings

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_stands_in_the_documents(name):
    told = "".join(page.read_text() for page in DOCS.glob("*.md"))
    assert f"`MOVER_{name.upper()}`" in told
    assert f"        {name}: " in (Settings.__doc__ or "")
