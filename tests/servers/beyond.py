"""The world beyond a machine of `network.py`: what it connects to at its own loopback address ends at this one's.

So real servers, which the tests run on this machine's loopback address, can be reached through a proxy on a machine that
knows no other network.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping

from tests.servers.network import Machine
from tests.servers.processes import LOOPBACK

_SO_ORIGINAL_DST = 80  # linux/netfilter_ipv4.h
_PIECE = 256 * 1024

# Opens the listening socket there, and hands it over here: a socket stays in the network that it was made in.
_LISTEN = """
import socket, sys
listener = socket.create_server(("127.0.0.1", 0), backlog=512)
with socket.socket(fileno=int(sys.argv[1])) as way:
    socket.send_fds(way, [str(listener.getsockname()[1]).encode()], [listener.fileno()])
"""
_RULES = """
table ip beyond {{
  chain out {{
    type nat hook output priority -100;
    ip daddr 127.0.0.0/8 tcp dport != {port} redirect to :{port}
  }}
}}
"""


@contextlib.contextmanager
def beyond(machine: Machine, ports: Mapping[int, int]) -> Iterator[None]:
    """Lead on, for the time of a `with` block. `ports` are those that are others here."""
    listener, port = _listener_of(machine)
    rules = machine.folder / "beyond.nft"
    rules.write_text(_RULES.format(port=port))
    machine.load(rules)
    loop = asyncio.new_event_loop()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raw = writer.get_extra_info("socket").getsockopt(socket.SOL_IP, _SO_ORIGINAL_DST, 16)
        (asked,) = struct.unpack_from("!2xH", raw)
        with contextlib.suppress(OSError):
            far_reader, far_writer = await asyncio.open_connection(LOOPBACK, ports.get(asked, asked))
            await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer), return_exceptions=True)
            far_writer.close()
        writer.close()

    thread = threading.Thread(target=loop.run_forever, name="beyond", daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(asyncio.start_server(serve, sock=listener), loop).result(10)
    try:
        yield
    finally:

        async def end() -> None:
            server.close()
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _listener_of(machine: Machine) -> tuple[socket.socket, int]:
    near, far = socket.socketpair()
    with near, far:
        words = machine.network_only(sys.executable, "-I", "-S", "-c", _LISTEN, str(far.fileno()))
        subprocess.run(words, check=True, pass_fds=[far.fileno()])
        told, descriptors, *_ = socket.recv_fds(near, 16, 1)
    return socket.socket(fileno=descriptors[0]), int(told)


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while piece := await source.read(_PIECE):
        sink.write(piece)
        await sink.drain()
    sink.write_eof()
