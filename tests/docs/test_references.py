"""What the documents point to is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.promises import PROMISES

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)\s#]+)(#[^)\s]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    targets = [target for target, _ in LINK.findall(page.read_text()) if "://" not in target]

    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", ["SECURITY.md", "docs/security.md"])
def test_every_test_that_is_named_is_there(page: str) -> None:
    for row in (ROOT / page).read_text().splitlines():
        folder = ROOT
        for named in re.findall(r"`([\w./*-]+)`", row):
            if named.startswith("tests/"):
                found = list(ROOT.glob(f"{named}*" if not named.endswith(".py") else named))
                folder = (ROOT / named).parent
            elif named.startswith("test_"):  # beside the one that was named before
                found = list(folder.glob(named)) or list((ROOT / "tests").rglob(named))
            else:
                continue
            assert found, f"{page} names {named}"


def test_every_promise_has_a_row() -> None:
    page = (ROOT / "docs/security.md").read_text()
    rows = {name.strip() for name in re.findall(r"^\| ([\w -]+) \|", page, flags=re.MULTILINE)}

    assert {name.replace("-", " ") for name in PROMISES} <= rows
