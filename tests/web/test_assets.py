"""Static files: names that say their content, and nothing that the policy of contents forbids."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest
from tests.api.installation import Running

from mover.accounts.actor import Permission
from mover.connectors.registry import service_names
from mover.migrations.states import Status
from mover.web.assets import KEEP, load_assets
from mover.web.frame import menu
from mover.web.words import service_icon, status_icon


def test_names_change_with_the_content_and_style_sheets_refer_to_them():
    assets = load_assets()
    style = assets.find(assets.url("mover.css").removeprefix("/static/"))
    assert style is not None
    found = re.findall(rb'url\("([^"]+)"\)', style.content)
    assert len(found) == 2
    for url in found:
        assert assets.find(url.decode().removeprefix("/static/")) is not None


def test_vendored_files_have_their_licences_beside_them():
    static = files("mover.web") / "static"
    for folder, licences in (
        ("vendor", {"htmx.LICENSE", "htmx-sse.LICENSE"}),
        ("fonts", {"inter.LICENSE"}),
        ("icons", {"lucide.LICENSE"}),
    ):
        assert licences <= {file.name for file in (static / folder).iterdir()}


def test_every_icon_that_is_named_is_there():
    web = files("mover.web")
    sprite = (web / "static" / "icons" / "lucide.svg").read_text()
    there = set(re.findall(r'id="([^"]+)"', sprite))
    folders = (web / "templates", web / "templates" / "parts")
    texts = [
        file.read_text() for folder in folders for file in folder.iterdir() if file.name.endswith(".html")
    ]
    named = {name for text in texts for name in re.findall(r'icon\("([a-z0-9-]+)"', text)}
    named |= {entry.icon for section in menu(frozenset(Permission)) for entry in section.entries}
    named |= {status_icon(status) for status in Status} | {service_icon(name) for name in service_names()}
    assert len(named) > 30
    assert named <= there


@pytest.mark.slow
async def test_they_are_kept_for_ever_and_packed(mover: Running):
    url = load_assets().url("htmx.min.js")
    answer = await mover.client.get(url, headers={"Accept-Encoding": "gzip"})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == KEEP
    assert answer.headers["content-encoding"] == "gzip"
    plain = await mover.client.get(url, headers={"Accept-Encoding": "identity"})
    assert plain.content == answer.content
    assert (await mover.client.get("/static/htmx.min.js")).status_code == 404
    assert (await mover.client.get("/static/..%2f..%2fapp.py")).status_code == 404
