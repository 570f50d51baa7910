"""From addresses to the two sides of a run: connectors signed in and paced, roots that may be used together."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from mover.connections.records import Connection
from mover.connectors.contract import Account, Connector
from mover.connectors.paced import Paced
from mover.connectors.registry import Surroundings, connector_type
from mover.entries import Entry, EntryKind, EntryRef, clean_path, parent_path
from mover.errors import InvalidConfiguration, NotFound
from mover.naming import text_from_bytes
from mover.transfer.side import Side
from mover.transport.pacing import Pacer
from mover.workplace.addresses import LOCAL_ACCOUNT, Address, ConnectedPath, LocalAddress, ServiceAddress
from mover.workplace.mounts import mount_point, raw_path
from mover.workplace.single_file import OneFile, WithoutRenames
from mover.workplace.workplace import Workplace

_PERSON = ("username", "access_key")  # keys that say who signs in


@dataclass(frozen=True)
class Sides:
    """Both ends of a run.

    Attributes:
        source: Where files are read; the folder that holds it if the person named one file.
        destination: Where they go; None for a scan of the source alone.
        single_file: Path below the source's root of the one file that was named, else None.
        local_source: The source's root as an absolute path of this machine, if it is one.
    """

    source: Side
    destination: Side | None
    single_file: str | None
    local_source: str | None


@asynccontextmanager
async def open_sides(
    place: Workplace,
    source: Address,
    destination: Address | None = None,
    *,
    meanwhile: Callable[[], object] | None = None,
) -> AsyncIterator[Sides]:
    """Sign in on both sides, at the same time, and look whether the source is a file or a folder.

    `meanwhile` is called in a thread while the services are waited for, and has returned when the sides are open.

    Raises InvalidConfiguration (no such connection, sides within each other), NotFound, and what signing in raises: of the
    source, where neither can be signed in to.
    """
    async with AsyncExitStack() as stack:
        accounts = _Accounts(place, stack)
        from_ = await accounts.place(source)
        to = await accounts.place(destination) if destination else None
        if to:
            _check_apart(from_, to)
        done = accounts.begin([from_, to] if to else [from_], meanwhile)
        one = await accounts.side(from_)
        named = await _named(one)
        file = None if named.kind is EntryKind.FOLDER else named
        other = await accounts.side(to, WithoutRenames if file else Paced) if to else None
        if file:
            ref = EntryRef(one.root, file.id)
            one = await accounts.side(from_, lambda inner, pacer: OneFile(inner, pacer, ref))
            one = replace(one, root=parent_path(one.root))
        else:
            one = replace(one, root_id=named.id, root_stands=True)
        await done
        yield Sides(
            source=one,
            destination=other,
            single_file="/" + file.name if file else None,
            local_source=(parent_path(from_.whole) if file else from_.whole) if from_.is_local else None,
        )


@asynccontextmanager
async def open_account(place: Workplace, address: Address) -> AsyncIterator[Side]:
    """Sign in on one side, for looking around."""
    async with AsyncExitStack() as stack:
        accounts = _Accounts(place, stack)
        yield await accounts.side(await accounts.place(address))


@dataclass(frozen=True)
class _Place:
    """A path and whose it is, so that two can be compared, however they were written.

    Attributes:
        text: As people write it.
        connection: None for this machine's own files.
        path: Below the connection's root, or on this machine.
        realm: What is the same for all that leads to the same account.
        whole: The path below the realm's root.
    """

    text: str
    connection: Connection | None
    path: str
    realm: str
    whole: str

    @property
    def is_local(self) -> bool:
        return self.realm == LOCAL_ACCOUNT

    def holds(self, other: _Place) -> bool:
        return self.realm == other.realm and other.whole.startswith(self.whole.rstrip("/") + "/")


class _Open(msgspec.Struct, frozen=True):
    """An account that is signed in."""

    connector: Connector
    pacer: Pacer
    told: Account


class _Accounts:
    """Accounts of one run, each signed in once; their pace is shared with all that the process does."""

    def __init__(self, place: Workplace, stack: AsyncExitStack) -> None:
        self._place = place
        self._stack = stack
        self._open: dict[str, asyncio.Task[_Open]] = {}
        self._unmade = 0
        self._all_made = asyncio.Event()

    async def place(self, address: Address) -> _Place:
        """Find out whose path this is. Raises InvalidConfiguration and NotFound: no such connection."""
        match address:
            case LocalAddress(text, path):
                return _Place(text, None, path, LOCAL_ACCOUNT, path)
            case ServiceAddress(text, name, path):
                return _at(text, await self._place.connections.get(name), path)
            case ConnectedPath(connection_id, path):
                connection = await self._place.connections.with_id(connection_id)
                return _at(f"{connection.name}:{path}", connection, path)

    def begin(self, places: Sequence[_Place], meanwhile: Callable[[], object] | None) -> Awaitable[None]:
        """Begin to sign in everywhere, and do something when nothing is left but to wait for it.

        What is returned is to be waited for, unless something is raised.
        """
        for place in places:
            self._sign_in(place)
        done = asyncio.create_task(self._when_all_are_made(meanwhile))
        self._stack.push_async_callback(_ended, done)
        return done

    async def side(self, place: _Place, paced: Callable[[Connector, Pacer], Paced] = Paced) -> Side:
        """Sign in, unless this run has."""
        account, root = _account_and_root(place)
        found = await self._sign_in(place)
        return Side(
            place.text,
            account,
            paced(self._place.wrap(found.connector), found.pacer),
            root,
            secure=found.told.secure,
            who=found.told.description,
        )

    def _sign_in(self, place: _Place) -> asyncio.Task[_Open]:
        account, _ = _account_and_root(place)
        if account not in self._open:
            self._unmade += 1
            self._open[account] = asyncio.create_task(self._signed_in(account, place))
            self._stack.push_async_callback(_closed, self._open[account])
        return self._open[account]

    async def _signed_in(self, account: str, place: _Place) -> _Open:
        if place.connection is None:
            connector, told = await self._local(mount_point(raw_path(place.path)))
        else:
            connector, told = await self._place.connections.sign_in_to(place.connection, made=self._made)
        return _Open(connector, self._place.pacers.of(account, connector), told)

    def _made(self) -> None:
        self._unmade -= 1
        if self._unmade == 0:
            self._all_made.set()

    async def _when_all_are_made(self, do: Callable[[], object] | None) -> None:
        await self._all_made.wait()
        if do is not None:
            await asyncio.to_thread(do)

    async def _local(self, mount: Path) -> tuple[Connector, Account]:
        kind = connector_type("local")
        connector = kind.make(
            kind.config.model_validate({"path": mount}),
            Surroundings(egress=self._place.egress, remember=_forget),
        )
        self._made()
        try:
            account = await connector.sign_in()
        except BaseException:
            await connector.close()
            raise
        return connector, account


async def _ended(task: asyncio.Task[None]) -> None:
    """End what nobody waits for any more. What it raised was either raised already, or comes too late to matter."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()


async def _closed(opening: asyncio.Task[_Open]) -> None:
    """Close what was signed in to, or end the attempt."""
    opening.cancel()
    await asyncio.wait({opening})
    if not opening.cancelled() and opening.exception() is None:
        await opening.result().connector.close()


def _at(text: str, connection: Connection, path: str) -> _Place:
    if connection.service != "local":
        return _Place(text, connection, path, _realm(connection), path)
    whole = _real_path(str(connection.config.get("path", "/")), path)
    return _Place(text, connection, path, LOCAL_ACCOUNT, whole)


def _realm(connection: Connection) -> str:
    """What is the same for connections to the same account: one may be saved twice, under two names."""
    if not any(connection.config.get(key) for key in _PERSON):
        return connection.id  # only its secrets tell whose account it is
    return f"{connection.service} {msgspec.json.encode(connection.config, order='sorted').decode()}"


def _real_path(base: str, path: str) -> str:
    """The absolute path of an entry of a connection whose root is a folder of this machine."""
    return clean_path(text_from_bytes(os.path.realpath(os.fsencode(base))) + path)


def _account_and_root(place: _Place) -> tuple[str, str]:
    """What the ledger knows a path by: a local one by the root of the file system, and the path below it.

    The connector stands at the root of the file system, since it finds out there what that can do.
    """
    if place.connection is not None:
        return place.connection.id, place.path
    at = text_from_bytes(os.fsencode(mount_point(raw_path(place.path))))
    if at == "/":
        return LOCAL_ACCOUNT, place.path
    return f"{LOCAL_ACCOUNT}:{at}", place.path.removeprefix(at) or "/"


async def _forget(_key: str, _value: str) -> None:
    """Local files have no configuration that anything could be remembered in."""


async def _named(side: Side) -> Entry:
    """The folder or the file that the person named. Raises NotFound, and InvalidConfiguration for anything else."""
    try:
        entry = await side.connector.look_up(side.root)
    except NotFound:
        raise NotFound(f"the source {side.label} is not there") from None
    match entry.kind:
        case EntryKind.FOLDER | EntryKind.FILE | EntryKind.NATIVE:
            return entry
        case EntryKind.SHORTCUT | EntryKind.SPECIAL:
            raise InvalidConfiguration(f"{side.label} is neither a folder nor a file")


def _check_apart(source: _Place, destination: _Place) -> None:
    """Refuse a run that would find its own copies at its source. Raises InvalidConfiguration."""
    if (source.realm, source.whole) == (destination.realm, destination.whole):
        raise InvalidConfiguration(
            f"source and destination are the same: {source.text} and {destination.text}"
        )
    if source.holds(destination):
        raise InvalidConfiguration(f"the destination {destination.text} lies inside the source {source.text}")
    if destination.holds(source):
        raise InvalidConfiguration(f"the source {source.text} lies inside the destination {destination.text}")
