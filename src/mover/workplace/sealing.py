"""The two sides of a run whose files are sealed, or opened, on their way.

The keys of sealed files follow from a seed. It is in the vault from the beginning of a run to its end, so that a run
that was killed goes on with the very bytes that it began with, and it is destroyed with the run's end: from then on
nothing here opens what was sealed. Private keys that open files are in memory alone.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from mover.connectors.contract import Connector
from mover.connectors.sealed.index import FolderNames
from mover.connectors.sealed.opened_age import AgeSource
from mover.connectors.sealed.opened_crypt import CryptSource
from mover.connectors.sealed.sealed import Seal, SealedSource
from mover.entries import EntryRef, join_path
from mover.errors import InvalidConfiguration, NotFound
from mover.ledger.states import RunMode, Verification
from mover.sealing.age.files import AgeSeal
from mover.sealing.age.identities import read_identities
from mover.sealing.age.recipients import read_recipients
from mover.sealing.crypt.files import Crypt
from mover.sealing.crypt.settings import read_crypt_settings
from mover.sealing.names import AgeNames
from mover.transfer.forms import SealedNames
from mover.transfer.side import Side
from mover.vault.secret import Secret
from mover.vault.vault import Vault
from mover.workplace.seeds import OWNER, RunSeed
from mover.workplace.sides import Sides

_NAMES_KEY = 32  # bytes
_NAMES_FIELD = "names"
_VERIFIED = {
    Verification.HASH: "verified by the hash of the ciphertext",
    Verification.READ_BACK: "verified by reading the ciphertext back",
    Verification.SIZE: "only the size of the ciphertext was compared",
    Verification.SIZE_AND_TIME: "only size and time were compared",
}


@dataclass(frozen=True, kw_only=True)
class SealingChoice:
    """How the files of a run are sealed and opened. Nothing chosen: neither.

    Attributes:
        recipients: Public keys (age, SSH) that files are sealed for.
        names: Names are sealed, too.
        crypt_to: Files are written as rclone's crypt does: its password, or its section of rclone's configuration.
        open_with: Private keys that age files are opened with.
        crypt_from: Files are read as rclone's crypt does.
    """

    recipients: tuple[str, ...] = ()
    names: bool = False
    crypt_to: Secret | None = None
    open_with: tuple[Secret, ...] = ()
    crypt_from: Secret | None = None

    @property
    def seals(self) -> bool:
        """Whether what arrives is encrypted."""
        return bool(self.recipients) or self.crypt_to is not None

    @property
    def opens(self) -> bool:
        """Whether what is read is decrypted."""
        return bool(self.open_with) or self.crypt_from is not None

    def check(self) -> None:
        """Raise InvalidConfiguration for what cannot work, without looking at any service."""
        if self.recipients and self.crypt_to is not None:
            raise InvalidConfiguration(
                "files are sealed for public keys or with rclone's crypt, not with both at once"
            )
        if self.open_with and self.crypt_from is not None:
            raise InvalidConfiguration(
                "files are opened with private keys or with rclone's crypt, not with both at once"
            )
        if self.names and not self.recipients:
            raise InvalidConfiguration(
                "sealing names needs public keys to seal for"
                + ("; how crypt has names is part of its own settings" if self.crypt_to is not None else "")
            )
        if self.recipients:
            read_recipients(self.recipients)
        if self.open_with:
            read_identities(self.open_with)
        for given in (self.crypt_to, self.crypt_from):
            if given is not None:
                read_crypt_settings(given)


@dataclass(frozen=True)
class _SealedForm:
    """Satisfies `transfer.forms.Form`."""

    source: SealedSource
    keys: RunSeed = field(repr=False)
    word: str
    sealed: bool = True

    @property
    def edition(self) -> str:
        return self.keys.edition

    def told(self, file: EntryRef, verification: Verification) -> str:
        as_is = self.source.was_sealed_before(file, file.name)
        words = "encrypted already, so moved as it is" if as_is else self.word
        return f"{words}; {_VERIFIED[verification]}" if verification in _VERIFIED else words


@dataclass(frozen=True)
class _OpenedForm:
    """Satisfies `transfer.forms.Form`."""

    source: AgeSource | CryptSource
    edition: str
    sealed: bool = False

    def told(self, file: EntryRef, verification: Verification) -> str:  # noqa: ARG002 - the protocol's parameters
        return "opened" if self.source.is_opened(file) else "not encrypted, so moved as it is"


@dataclass(frozen=True, kw_only=True)
class FormedRun:
    """A run whose files are sealed or opened, or neither.

    Attributes:
        sides: With the source in the form in which files are to arrive.
        mark: Equal for runs of one form; empty for the services' own.
    """

    sides: Sides
    mark: str = ""
    seed: RunSeed | None = field(default=None, repr=False)
    keeps: bool = False

    async def begin(self) -> None:
        """To be called when the run has begun, before files are read."""
        if self.seed is None:
            return
        if self.keeps:
            await self.seed.begin()
        else:
            self.seed.begin_without_keeping()

    async def destroy_old_seeds(self) -> None:
        """Destroy those of other runs that nobody has gone on with for long."""
        if self.seed is not None:
            await self.seed.destroy_old()

    async def end(self) -> None:
        """Destroy the keys, when the run is finished or given up for good."""
        if self.seed is not None and self.keeps:
            await self.seed.end()


async def in_the_form(
    vault: Vault, person: str, sides: Sides, choice: SealingChoice, mode: RunMode, *, owner: str | None = None
) -> FormedRun:
    """Have the files of a run sealed and opened as chosen.

    Args:
        vault: Keeps the run's seed.
        person: Whose key protects it.
        sides: As the services have them.
        choice: What is sealed and opened.
        mode: Of the run: only a copy needs a seed that is kept.
        owner: The pair, as the vault knows it; None: it follows from the sides.

    Raises InvalidConfiguration: it cannot work, in general or with this destination.
    """
    if not (choice.seals or choice.opens):
        return FormedRun(sides=sides)
    choice.check()
    source, single, marks = sides.source, sides.single_file, list[str]()
    if choice.opens:
        opened = await _opened(source, choice)
        what = "opened" if choice.open_with else "crypt-opened"
        source = replace(_as(source, opened, what), form=_OpenedForm(opened, edition=what))
        marks.append(what)
        if single is not None:
            single = await _only_file(opened, source.root)
    if not choice.seals or sides.destination is None:
        return FormedRun(sides=replace(sides, source=source, single_file=single), mark="+".join(marks))
    what = "crypt" if choice.crypt_to else "sealed-names" if choice.names else "sealed"
    seal, names, folder_names, scheme, word = await _seal(vault, person, sides, choice)
    seed = RunSeed(vault, person, owner or f"{OWNER}{_pair(sides, scheme='')}", scheme)
    sealed = SealedSource(source.connector, seal, seed, folder_names)
    source = replace(
        _as(source, sealed, what),
        form=_SealedForm(sealed, seed, word),
    )
    return FormedRun(
        sides=replace(
            sides, source=source, single_file=single, destination=replace(sides.destination, names=names)
        ),
        mark="+".join([*marks, what, *sorted(choice.recipients)]),
        seed=seed,
        keeps=mode is RunMode.COPY,
    )


def _as(side: Side, connector: Connector, what: str) -> Side:
    """The side in another form: to the ledger it is another account, since what arrived in another form is another file."""
    return replace(side, connector=connector, account=f"{side.account}#{what}")


async def _opened(side: Side, choice: SealingChoice) -> AgeSource | CryptSource:
    if choice.crypt_from is not None:
        return CryptSource(side.connector, side.root, await _crypt(choice.crypt_from))
    return AgeSource(side.connector, side.root, read_identities(choice.open_with))


async def _seal(
    vault: Vault, person: str, sides: Sides, choice: SealingChoice
) -> tuple[Seal, SealedNames, FolderNames | None, str, str]:
    """How contents and names are sealed, in what scheme, and the word for it."""
    destination = sides.destination
    assert destination is not None
    if choice.crypt_to is not None:
        crypt = await _crypt(choice.crypt_to)
        if crypt.tells_capitals and not destination.connector.capabilities.names.case_sensitive:
            raise InvalidConfiguration(
                f"crypt: {destination.label} takes small letters and capitals for the same, so names cannot be written in "
                "base64: choose base32"
            )
        await _expect_same_password(destination, crypt)
        return crypt, crypt, None, f"crypt:{crypt.mark}", "encrypted with rclone's crypt"
    recipients = read_recipients(choice.recipients)
    digest = hashlib.sha256("\n".join(sorted(map(repr, recipients))).encode()).hexdigest()[:16]
    key = await _names_key(vault, person, _pair(sides, scheme="names")) if choice.names else None
    names = AgeNames(key)
    folder_names = FolderNames(names.name) if choice.names else None
    scheme = f"age:{digest}{':names' if choice.names else ''}"
    return AgeSeal(recipients), names, folder_names, scheme, "sealed"


async def _crypt(given: Secret) -> Crypt:
    return await asyncio.to_thread(Crypt, read_crypt_settings(given))  # scrypt takes a moment


async def _expect_same_password(destination: Side, crypt: Crypt) -> None:
    """Look at what stands at the root: a password that was mistyped would encrypt files that nobody can open.

    Raises InvalidConfiguration: it was encrypted with another one.
    """
    told = set[bool | None]()
    try:
        async with aclosing(destination.connector.list_folder(destination.ref("/", None))) as pages:
            async for page in pages:
                told = {crypt.is_own_name(entry.name) for entry in page.entries}
                break
    except NotFound:
        return
    if False in told and True not in told:
        raise InvalidConfiguration(
            f"crypt: what stands in {destination.label} was encrypted with another password: give that one, or choose "
            "another folder"
        )


async def _names_key(vault: Vault, person: str, pair: str) -> bytes:
    """The key that the names of a pair are hidden with: the same in each run, so that names stay. It opens nothing."""

    def fresh() -> Secret:
        return Secret(base64.b64encode(secrets.token_bytes(_NAMES_KEY)).decode())

    found = await vault.fetch_or_make(person, f"sealing-names:{pair}", _NAMES_FIELD, fresh)
    return base64.b64decode(found.reveal())


def _pair(sides: Sides, *, scheme: str) -> str:
    destination = sides.destination
    assert destination is not None
    parts: Sequence[str] = (
        sides.source.account,
        sides.source.root,
        destination.account,
        destination.root,
        scheme,
    )
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:40]


async def _only_file(source: AgeSource | CryptSource, folder: str) -> str:
    """The path that the one file which was named has when it is opened."""
    async with aclosing(source.list_folder(EntryRef(folder))) as pages:
        async for page in pages:
            for entry in page.entries:
                return join_path("/", entry.name)
    raise NotFound("the file is no longer there", path=folder)
