"""`mover keys rotate` and `mover keys status`: new keys for the vault, at both levels, and who needs which."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mover.audit.keys import Operator
from mover.audit.recording import Recorder
from mover.cli.codes import ALL_WELL, COULD_NOT_RUN
from mover.cli.faults import say
from mover.cli.screen import out, print_json, words
from mover.cli.workplace import workplace
from mover.errors import InvalidConfiguration, Locked
from mover.settings import Settings
from mover.transport.key_services import KeyServices
from mover.vault.providers import EnvironmentKeyProvider, FileKeyProvider, KeyProvider, key_provider
from mover.vault.rotation import KeyUse
from mover.vault.secret import Secret
from mover.vault.sources import FileSource, GivenSource
from mover.workplace.workplace import Workplace

KEYS_ROTATED = "vault.keys_rotated"


async def rotate(new_key: Secret | None, *, machine: bool) -> int:
    """Put all secrets under new keys of their persons, and those under the global key that the settings prefer.

    A global key in a file is replaced there by a new one. One that the settings hold themselves is the operator's to
    make: `new_key`, or MOVER_GLOBAL_KEY with the old one in MOVER_GLOBAL_KEY_PREVIOUS. One in a key service is renewed
    there, and what is stored is wrapped anew by its newest version.

    Raises InvalidConfiguration: the settings hold the global key and no other one is given. Raises Locked: another
    process renews the keys at this moment.
    """
    async with workplace() as place:
        settings = place.settings
        source = settings.preferred_global_key
        uses = await place.vault.global_keys()
        _check(settings, new_key, uses)
        rotated = any(use.persons for use in uses)
        if rotated:
            match source:
                case FileSource():
                    with _alone_in(source.path.parent):
                        await _rotate_file(place, source.path, uses)
                case _ if new_key is not None:
                    await _renew(place, EnvironmentKeyProvider(new_key))
                case _:
                    services = KeyServices.from_settings(settings)
                    try:
                        await _renew(place, key_provider(source, services))
                    finally:
                        await services.close()
            await _record(place)
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


async def _record(place: Workplace) -> None:
    """Keep in the audit log that all keys are new ones."""
    uses = await place.vault.global_keys()
    current = next((use for use in uses if use.current), None)
    details = {"persons": str(current.persons if current else 0)}
    now_ns = time.time_ns()
    await place.database.write(
        lambda transaction: Recorder().record(
            transaction,
            Operator(id="", name="the operator"),
            KEYS_ROTATED,
            f"global key {current.key_id if current else ''}",
            details,
            now_ns=now_ns,
        )
    )


async def status(*, machine: bool) -> int:
    """Tell which global keys stored secrets need, and which can go. Exit code 2 if one that is needed cannot be used."""
    async with workplace() as place:
        uses = await place.vault.global_keys()
    if machine:
        print_json({"keys": [_spelled(use) for use in uses]})
    else:
        for use in uses:
            out().print(
                words(_sentence(use, stored=any(other.persons for other in uses)), "bold" * use.current)
            )
    unusable = any((use.persons or use.current) and use.trouble for use in uses)
    return COULD_NOT_RUN if unusable else ALL_WELL


def _spelled(use: KeyUse) -> dict[str, object]:
    return {
        "id": use.key_id,
        "where": use.title,
        "preferred": use.preferred,
        "current": use.current,
        "persons": use.persons,
        "trouble": use.trouble,
    }


def _sentence(use: KeyUse, *, stored: bool) -> str:
    what = f"{use.title or 'a key that no setting names'} (id {use.key_id or 'unknown'})"
    if use.trouble:
        return f"{what}: {use.trouble}"
    if use.current and use.persons:
        return f"{what}: wraps new keys, and those of {use.persons}"
    if use.current:
        return f"{what}: wraps new keys"
    if use.persons:
        return (
            f"{what}: still wraps the keys of {use.persons}; keep it until `mover keys rotate` has been run"
        )
    if use.preferred and stored:
        return f"{what}: named first, but nothing is under it yet; `mover keys rotate` moves everything there"
    if use.preferred:
        return f"{what}: nothing is stored yet"
    return f"{what}: nothing needs it any more; it can go"


def _check(settings: Settings, new_key: Secret | None, uses: Sequence[KeyUse]) -> None:
    """See that the settings and the command go together. Raises InvalidConfiguration."""
    source = settings.preferred_global_key
    if new_key is not None and not isinstance(source, GivenSource):
        raise InvalidConfiguration(
            "the global key lies in a file, which is renewed by itself; leave out --new-key"
            if isinstance(source, FileSource)
            else "--new-key goes with MOVER_GLOBAL_KEY alone; make the settings name the next key, and the present one "
            "in MOVER_PREVIOUS_GLOBAL_KEYS"
        )
    if new_key is None and isinstance(source, GivenSource) and not any(use.persons for use in uses[1:]):
        raise InvalidConfiguration(
            "MOVER_GLOBAL_KEY holds the global key; set it to the next one and MOVER_GLOBAL_KEY_PREVIOUS to this one, or "
            "give the next one here: --new-key @env:VARIABLE or @file:PATH"
        )


async def _renew(place: Workplace, provider: KeyProvider) -> None:
    """Make this the global key, then renew the keys under it."""
    await place.vault.rotate_global(provider)
    await place.vault.rotate_persons()


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keep other rotations out: one that begins while another is about to end would remove the other's new key.

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


async def _rotate_file(place: Workplace, path: Path, uses: Sequence[KeyUse]) -> None:
    """Wrap with a key in a file beside the old one, then put that in its place.

    Other processes find the new file by itself. Interrupted in between, the next rotation goes on with it.
    """
    new_path = path.with_name(path.name + ".new")
    present = uses[0]
    if not await _is_in_use(new_path, uses):
        for use in uses:
            if use.trouble and (use.persons or use.current):
                raise InvalidConfiguration(use.trouble)
        if not present.persons and not present.current:
            # From another provider to this file. It is made if it is missing, since no stored key needs it.
            await _renew(place, FileKeyProvider(path))
            return
        new_path.unlink(missing_ok=True)  # nothing is wrapped with it
        await FileKeyProvider(new_path).wrap(bytes(32), b"makes the file")
    await _renew(place, FileKeyProvider(new_path))
    new_path.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


async def _is_in_use(path: Path, uses: Sequence[KeyUse]) -> bool:
    """Tell whether stored secrets are under the global key in this file."""
    try:
        key_id = await FileKeyProvider(path).key_id()
    except InvalidConfiguration:
        return False
    return any(use.key_id == key_id and (use.persons or use.current) for use in uses)
