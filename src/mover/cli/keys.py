"""`mover keys rotate`: new keys for the vault, at both levels."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mover.cli.codes import ALL_WELL
from mover.cli.faults import say
from mover.cli.screen import out, print_json
from mover.cli.workplace import workplace
from mover.connections.connections import LOCAL_PERSON
from mover.errors import InvalidConfiguration, Locked, NotFound
from mover.vault.providers import EnvironmentKeyProvider, FileKeyProvider
from mover.vault.secret import Secret
from mover.vault.vault import Vault
from mover.workplace.workplace import Workplace


async def rotate(new_key: Secret | None, *, machine: bool) -> int:
    """Seal all secrets with a new key of the person, and wrap that with a new global key.

    A global key in a file is replaced there. One that the environment holds is the operator's to make: `new_key`.

    Raises InvalidConfiguration: the environment holds the global key and no new one is given. Raises Locked: another
    process renews the keys at this moment.
    """
    async with workplace() as place:
        settings = place.settings
        if (settings.global_key is None) != (new_key is None):
            raise InvalidConfiguration(
                "MOVER_GLOBAL_KEY holds the global key; give the next one: --new-key @env:VARIABLE or @file:PATH"
                if new_key is None
                else "the global key lies in a file, which is renewed by itself; leave out --new-key"
            )
        try:
            if new_key is not None:
                await place.vault.rotate_person(LOCAL_PERSON)
                await place.vault.rotate_global(EnvironmentKeyProvider(new_key))
            else:
                with _alone_in(settings.global_key_path.parent):
                    await _rotate_file(place, settings.global_key_path)
        except NotFound:
            rotated = False
        else:
            rotated = True
    if machine:
        print_json({"rotated": rotated})
    else:
        out().print(
            "All secrets are under new keys."
            if rotated
            else "No secret is stored, so there is nothing to do."
        )
    if rotated and new_key is not None:
        say(
            "set MOVER_GLOBAL_KEY to the new key now: the old one opens nothing any more", style="bold yellow"
        )
    return ALL_WELL


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keep other rotations out: one that begins while another is about to commit would remove the other's new key.

    Raises Locked.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Locked("another process is renewing the keys right now") from None
        yield
    finally:
        os.close(descriptor)


async def _rotate_file(place: Workplace, path: Path) -> None:
    """Wrap with a key in a file beside the old one, then put that in its place.

    Killed in between, the secrets need the new file; the next rotation finds that out and goes on with it.
    """
    new_path = path.with_name(path.name + ".new")
    new = FileKeyProvider(new_path)
    if not await _is_in_use(place, new):
        await place.vault.rotate_person(LOCAL_PERSON)
        new_path.unlink(
            missing_ok=True
        )  # nothing is wrapped with it: `rotate_person` has just used the old one
        new = FileKeyProvider(new_path)
        await new.wrap(bytes(32), b"makes the file")
        await place.vault.rotate_global(new)
    new_path.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


async def _is_in_use(place: Workplace, provider: FileKeyProvider) -> bool:
    """Tell whether stored secrets are under this global key."""
    try:
        await Vault(place.database, provider).rotate_person(LOCAL_PERSON)
    except InvalidConfiguration:
        return False
    return True
