"""What Mover writes rclone reads, and the other way round: bytes, sizes, hashes, times, and large objects."""

from __future__ import annotations

import json
import os
import random
import subprocess
from pathlib import Path

from tests.connectors.swift.acts import MIB, connected, entries, put, put_in_parts, read, target_of
from tests.contents import hashes_of
from tests.servers.openstack import SwiftServer
from tests.servers.processes import tool

from mover.entries import HashName

MOMENT_NS = 1_600_000_000_123_456_789
NAMES = ["plain", "ünï 日本 🎉", "a b+c%d&e?f#g", "quote\"'<>|*", "d/inner"]


def rclone(server: SwiftServer, home: Path, *words: str | Path) -> bytes:
    remote = {
        "TYPE": "swift",
        "AUTH": server.auth_url,
        "AUTH_VERSION": "1",
        "USER": server.username,
        "KEY": server.password,
    }
    done = subprocess.run(
        [tool("rclone"), "--ca-cert", str(server.ca_file), "--retries", "1", *map(str, words)],
        capture_output=True,
        check=False,
        env={
            "PATH": os.defpath,
            "HOME": str(home),
            "RCLONE_CONFIG": "/dev/null",
            **{f"RCLONE_CONFIG_T_{name}": value for name, value in remote.items()},
        },
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


async def test_rclone_reads_what_mover_writes(
    swift_node: SwiftServer, container: str, tmp_path: Path
) -> None:
    parts = [random.Random(1).randbytes(MIB), random.Random(2).randbytes(MIB), b"end"]
    files = {name: name.encode() for name in NAMES} | {"large": b"".join(parts), "empty": b""}
    local = tmp_path / "local"
    for name, data in files.items():
        (local / name).parent.mkdir(parents=True, exist_ok=True)
        (local / name).write_bytes(data)
        os.utime(local / name, ns=(MOMENT_NS, MOMENT_NS))
    async with connected(swift_node, container=container) as connector:
        for name in files.keys() - {"large"}:
            await put(connector, f"/{name}", files[name], modified_ns=MOMENT_NS)
        await put_in_parts(connector, target_of("/large", modified_ns=MOMENT_NS), parts)

    rclone(swift_node, tmp_path, "check", "--download", "--one-way", local, f"T:{container}")
    rclone(swift_node, tmp_path, "check", "--one-way", local, f"T:{container}")  # by size and MD5
    listed = json.loads(rclone(swift_node, tmp_path, "lsjson", "-R", "--files-only", f"T:{container}"))
    assert {line["Path"]: line["Size"] for line in listed} == {
        name: len(data) for name, data in files.items()
    }
    assert {line["ModTime"] for line in listed} == {"2020-09-13T12:26:40.123456789Z"}


async def test_mover_reads_what_rclone_writes(
    swift_node: SwiftServer, container: str, tmp_path: Path
) -> None:
    files = {name: name.encode() for name in NAMES} | {
        "large": random.Random(3).randbytes(3 * MIB),
        "empty": b"",
    }
    local = tmp_path / "local"
    for name, data in files.items():
        (local / name).parent.mkdir(parents=True, exist_ok=True)
        (local / name).write_bytes(data)
        os.utime(local / name, ns=(MOMENT_NS, MOMENT_NS))
    rclone(swift_node, tmp_path, "copy", "--swift-chunk-size", "1Mi", local, f"T:{container}/static")
    rclone(swift_node, tmp_path, "mkdir", f"T:{container}")
    account = swift_node.account()
    segments = [name for name in account.names(f"{container}_segments") if "large" in name]
    prefix = segments[0].rpartition("/")[0]
    account.put(  # as rclone wrote large objects before it had static ones
        f"{container}/static/dynamic",
        X_Object_Manifest=f"{container}_segments/{prefix}",
        X_Object_Meta_Mtime="1600000000.123456789",
    )
    files["dynamic"] = files["large"]

    async with connected(swift_node, container=container) as connector:
        found = await entries(connector, "/static")
        found |= {f"d/{name}": entry for name, entry in (await entries(connector, "/static/d")).items()}
        found.pop("d")
        assert {name: entry.size for name, entry in found.items()} == {
            name: len(data) for name, data in files.items()
        }
        for name, data in files.items():
            assert await read(connector, f"/static/{name}", version=found[name].version) == data
            seen = await connector.look_up(f"/static/{name}")
            assert seen.modified_ns == MOMENT_NS
            ordinary = name not in {"large", "dynamic"}
            true = hashes_of(data, {HashName.MD5}) if ordinary else {}
            assert seen.hashes == found[name].hashes == true
