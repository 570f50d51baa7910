"""An FTP server in this process that answers just what a test wants, and otherwise holds a few files in memory."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from mover.connectors.ftp import CONNECTOR_TYPE
from mover.connectors.ftp.connector import FtpConnector
from mover.connectors.registry import Surroundings
from mover.settings import PrivateAddresses
from mover.transport.egress import Egress
from mover.transport.limits import Limits
from mover.vault.secret import Secret

LOOPBACK = "127.0.0.1"
MODERN = ("MLST type*;size*;modify*;", "MDTM", "MFMT", "SIZE", "REST STREAM", "UTF8")
POOR = ("MDTM", "SIZE", "REST STREAM")
TIME = "20200101120000"

Act = Callable[["Session", str], Awaitable[None]]


@dataclass
class Script:
    """What the server holds and does.

    Attributes:
        files: Content by absolute path.
        folders: Absolute paths.
        acts: By verb: done in turn instead of the usual, the last one again and again.
        features: What FEAT tells; None: it is not known.
        greeting: First words on each connection, in turn, the last one again and again.
        encoding: Of names on the wire.
        commands: All that came, in order.
        connections: How many control connections were made.
        serving: Those that are not over.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    folders: set[str] = field(default_factory=lambda: {"/"})
    acts: dict[str, list[Act]] = field(default_factory=dict)
    features: tuple[str, ...] | None = MODERN
    greeting: list[str] = field(default_factory=lambda: ["220 Scripted"])
    encoding: str = "utf-8"
    commands: list[str] = field(default_factory=list)
    connections: int = 0
    serving: set[asyncio.Task[None]] = field(default_factory=set)

    def on(self, verb: str, *acts: Act) -> None:
        """Say what is done about a command."""
        self.acts[verb] = list(acts)

    def sent(self, verb: str) -> list[str]:
        """Return the arguments with which a command came."""
        found = (command.partition(" ") for command in self.commands)
        return [argument for name, _, argument in found if name == verb]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one control connection."""
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self.serving.add(task)
        task.add_done_callback(self.serving.discard)
        session = Session(self, writer)
        try:
            await self._converse(session, reader, writer)
        except ConnectionError:
            return
        finally:
            session.hang_up()

    async def _converse(
        self, session: Session, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await session.say(self.greeting.pop(0) if len(self.greeting) > 1 else self.greeting[0])
        while not writer.is_closing() and (line := await reader.readline()):
            command = line.decode(self.encoding).rstrip("\r\n")
            verb, _, argument = command.partition(" ")
            self.commands.append(command)
            waiting = self.acts.get(verb) or [usual]
            await (waiting.pop(0) if len(waiting) > 1 else waiting[0])(session, argument)


class Session:
    """One control connection, and the data connection that belongs to it."""

    def __init__(self, script: Script, writer: asyncio.StreamWriter) -> None:
        self.script = script
        self.verb = ""
        self.offset = 0
        self.old = ""
        self.binary = False
        self.folder = "/"
        self._writer = writer
        self._listener: asyncio.Server | None = None
        self._data: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
        self._opened: list[asyncio.StreamWriter] = []

    async def say(self, *lines: str) -> None:
        """Send lines of a reply."""
        self._writer.write("".join(f"{line}\r\n" for line in lines).encode(self.script.encoding))
        await self._writer.drain()

    def hang_up(self) -> None:
        """Close the control connection, and what belongs to it."""
        for writer in (self._writer, *self._opened):
            writer.close()
        if self._listener is not None:
            self._listener.close()

    async def listen(self) -> int:
        """Wait for a data connection; returns its port."""
        if self._listener is not None:
            self._listener.close()

        async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._opened.append(writer)
            await self._data.put((reader, writer))

        self._listener = await asyncio.start_server(take, LOOPBACK, 0)
        port: int = self._listener.sockets[0].getsockname()[1]
        return port

    async def data(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return the data connection."""
        return await self._data.get()

    async def give(self, content: bytes, *, closing: str | None = "226 Done") -> None:
        """Send content over the data connection, and say that it is sent; None: not yet."""
        await self.say("150 Here it comes")
        _, writer = await self.data()
        writer.write(content)
        await writer.drain()
        writer.close()
        if closing is not None:
            await self.say(closing)

    async def take(self) -> bytes:
        """Receive all that comes over the data connection."""
        await self.say("150 Go on")
        reader, writer = await self.data()
        content = await reader.read()
        writer.close()
        return content


def says(*lines: str) -> Act:
    """Return what answers with these lines."""

    async def act(session: Session, _argument: str) -> None:
        await session.say(*lines)

    return act


def says_and_hangs_up(*lines: str) -> Act:
    """Return what answers and closes the control connection."""

    async def act(session: Session, _argument: str) -> None:
        await session.say(*lines)
        session.hang_up()

    return act


async def usual(session: Session, argument: str) -> None:  # noqa: C901, PLR0912, PLR0915 - a protocol is a table
    """Do what a server does."""
    script = session.script
    verb = script.commands[-1].partition(" ")[0]
    path = argument if argument.startswith("/") else f"/{argument}"
    is_there = path in script.files or path in script.folders
    match verb:
        case "USER":
            await session.say("331 Password")
        case "PASS":
            await session.say("230 Come in")
        case "PWD":
            await session.say('257 "/" is here')
        case "FEAT" if script.features is not None:
            await session.say("211-Features", *(f" {feature}" for feature in script.features), "211 End")
        case "SYST":
            await session.say("215 UNIX Type: L8")
        case "TYPE":
            session.binary = argument == "I"
            await session.say("200 Yes")
        case "OPTS" | "NOOP":
            await session.say("200 Yes")
        case "EPSV":
            await session.say(f"229 Here (|||{await session.listen()}|)")
        case "PASV":
            port = await session.listen()
            await session.say(f"227 Here (127,0,0,1,{port // 256},{port % 256})")
        case "REST":
            session.offset = int(argument)
            await session.say("350 From there")
        case "CWD" if path == "/" or path.rstrip("/") in script.folders:
            session.folder = path.rstrip("/") or "/"
            await session.say("250 There")
        case "SIZE" | "MDTM" if path in script.files:
            await session.say(f"213 {len(script.files[path]) if verb == 'SIZE' else TIME}")
        case "MLST" if is_there:
            await session.say("250-Here", f" {facts(script, path)} {path}", "250 End")
        case "MFMT" if is_there:
            await session.say(f"213 Modify={argument}")
        case "MLSD":
            lines = [f"{facts(script, child)} {child.rpartition('/')[2]}" for child in children(script, path)]
            await session.give("".join(f"{line}\r\n" for line in lines).encode(script.encoding))
        case "LIST":
            lines = [
                f"{listed(script, child)} {child.rpartition('/')[2]}"
                for child in children(script, session.folder)
            ]
            await session.give("".join(f"{line}\r\n" for line in lines).encode(script.encoding))
        case "RETR" if path in script.files:
            await session.give(script.files[path][session.offset :])
            session.offset = 0
        case "STOR":
            content = await session.take()
            script.files[path] = script.files.get(path, b"")[: session.offset] + content
            session.offset = 0
            await session.say("226 Stored")
        case "RNFR" if is_there:
            session.old = path
            await session.say("350 And now?")
        case "RNTO":
            script.files[path] = script.files.pop(session.old)
            await session.say("250 Renamed")
        case "DELE" if path in script.files:
            del script.files[path]
            await session.say("250 Gone")
        case "MKD" if not is_there:
            script.folders.add(path)
            await session.say(f'257 "{path}" made')
        case "QUIT":
            await session.say("221 Bye")
            session.hang_up()
        case "SIZE" | "MDTM" | "MLST" | "RETR" | "RNFR" | "DELE" | "MFMT" | "MKD" | "CWD":
            await session.say("550 No such file")
        case _:
            await session.say("500 Unknown command")


def children(script: Script, folder: str) -> list[str]:
    """Return what stands directly in a folder."""
    everything = {*script.files, *script.folders} - {"/"}
    return sorted(
        path for path in everything if (path.rpartition("/")[0] or "/") == (folder.rstrip("/") or "/")
    )


def facts(script: Script, path: str) -> str:
    """Return the facts of MLSD."""
    if path in script.folders:
        return f"type=dir;modify={TIME};"
    return f"type=file;size={len(script.files[path])};modify={TIME};"


def listed(script: Script, path: str) -> str:
    """Return what `ls -l` puts before a name."""
    kind, size = ("d", 4096) if path in script.folders else ("-", len(script.files[path]))
    return f"{kind}rw-r--r--   1 alice    users    {size:>8} Jan  1  2020"


@contextlib.asynccontextmanager
async def scripted(
    script: Script | None = None, *, signs_in: bool = True, silence_s: float = 20, **values: object
) -> AsyncIterator[tuple[Script, FtpConnector]]:
    """Serve, with a connector to the server; signed in, unless that is what the test is about."""
    script = script or Script()
    server = await asyncio.start_server(script.serve, LOOPBACK, 0, limit=1 << 20)
    given = {
        "host": LOOPBACK,
        "port": server.sockets[0].getsockname()[1],
        "username": "alice",
        "password": Secret("secret-word"),
        "plain": True,
    }
    limits = Limits(connect_s=5, read_s=silence_s, answer_s=silence_s)
    egress = Egress(allowed=PrivateAddresses.parse("127.0.0.1/32"), limits=limits)
    connector = CONNECTOR_TYPE.make(
        CONNECTOR_TYPE.config.model_validate(given | values), Surroundings(egress=egress, remember=_forget)
    )
    assert isinstance(connector, FtpConnector)
    try:
        if signs_in:
            await connector.sign_in()
        yield script, connector
    finally:
        await connector.close()
        server.close()
        for task in script.serving:
            task.cancel()
        await asyncio.gather(*script.serving, return_exceptions=True)


async def _forget(_key: str, _value: str) -> None:
    """Keep nothing."""
