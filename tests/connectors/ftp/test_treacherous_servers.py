"""Answers that invite a wrong conclusion: that nothing is there, that a folder is empty, that a file is complete."""

from __future__ import annotations

import pytest
from tests.connectors.ftp.scripted import (
    MODERN,
    POOR,
    Script,
    Session,
    says,
    says_and_hangs_up,
    scripted,
    usual,
)
from tests.contract.acts import listed, put

from mover.entries import ROOT
from mover.errors import NotFound, Transient


@pytest.mark.parametrize("features", [MODERN, POOR])
async def test_server_that_hangs_up_after_every_error_takes_files(features: tuple[str, ...]) -> None:
    script = Script(features=features)

    async def look(session: Session, path: str) -> None:
        is_there = path in script.files or path in script.folders
        await (usual if is_there else says_and_hangs_up("550 No such file"))(session, path)

    for verb in ("SIZE", "MDTM", "MLST"):
        script.on(verb, look)
    async with scripted(script) as (_, connector):
        await put(connector, ROOT, "file", b"content")
        await put(connector, ROOT, "large", bytes(2_000_000))
        with pytest.raises(NotFound):
            await connector.look_up("/missing")
    assert script.files == {"/file": b"content", "/large": bytes(2_000_000)}


async def test_connection_lost_among_the_questions_about_times_is_no_missing_folder() -> None:
    script = Script(features=POOR, files={"/a": b"", "/b": b""})
    async with scripted(script) as (_, connector):
        script.on("MDTM", says("550 Not for you"), says_and_hangs_up())
        with pytest.raises(Transient):
            await listed(connector, ROOT)
