"""The move that the demo makes by itself: connections and pairs through the public API, the rest with the command line."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec
from rich.console import Console

from demo.clouds import OLD_DOMAIN, Clouds
from demo.servers import BUCKET, Storage
from demo.service import Access
from mover.cli.remote.answers import Connection, Migration, Pair
from mover.cli.remote.choice import ServerChoice
from mover.cli.remote.server import open_server

MIGRATION = "NAS to archive"
NEW_OFFICE = "Microsoft-365"
OFFICE = {"Box": "Box to Microsoft 365", "Google": "Google to Microsoft 365"}


class Added(msgspec.Struct):
    """The pairs that were added."""

    items: list[Pair]


class Made(msgspec.Struct):
    """What was made."""

    id: str


async def connect_and_plan(access: Access, places: Storage, departments: Iterable[str]) -> None:
    """Connect the storage and make a migration whose pairs are the departments' folders."""
    async with open_server(ServerChoice(access.url, access.key, access.ca_file)) as server:
        ids: dict[str, str] = {}
        for name, (service, configuration) in places.connections.items():
            made = await server.post(
                "/connections",
                Connection,
                {"name": name, "service": service, "configuration": configuration},
            )
            ids[name] = made.id
        migration = await server.post(
            "/migrations",
            Migration,
            {
                "name": MIGRATION,
                "source_connection_id": ids["nas"],
                "destination_connection_id": ids["archive"],
                "note": "Made by the demo, through the public API.",
            },
        )
        await server.post(
            f"/migrations/{migration.id}/pairs",
            Added,
            {
                "pairs": [
                    {"source_path": f"/{each}", "destination_path": f"/2025/{each}", "tags": ["demo"]}
                    for each in departments
                ]
            },
        )


async def plan_office(access: Access, offices: Clouds) -> None:
    """Connect the cloud services, and make two migrations whose pairs are to be found by discovery, in the browser."""
    async with open_server(ServerChoice(access.url, access.key, access.ca_file)) as server:
        ids: dict[str, str] = {}
        for name, (service, configuration) in offices.connections.items():
            made = await server.post(
                "/connections",
                Connection,
                {"name": name, "service": service, "configuration": configuration},
            )
            ids[name] = made.id
        users = await server.post("/maps", Made, {"name": "Old to new addresses", "kind": "users"})
        rows = f"Source User,Destination User\n{OLD_DOMAIN},{offices.new_domain}\n"
        await server.post(f"/maps/{users.id}/imports", dict, content=rows.encode(), media_type="text/csv")
        for name, title in OFFICE.items():
            await server.post(
                "/migrations",
                Migration,
                {
                    "name": title,
                    "source_connection_id": ids[name],
                    "destination_connection_id": ids[NEW_OFFICE],
                    "user_map_id": users.id,
                    "options": {"permissions": "apply"},
                    "note": "Simulated services. Find the pairs by Add pairs, then look at the scan before you start.",
                },
            )


def run_mover(console: Console, access: Access, *arguments: str) -> int:
    """Run the command line against the service, and show the command."""
    command = ["mover", "--server", access.url, *arguments]
    console.print(f"\n[bold cyan]$ {shlex.join(command)}[/bold cyan]", soft_wrap=True)
    sys.stdout.flush()
    variables: Mapping[str, str] = {
        **os.environ,
        "MOVER_API_KEY": access.key.reveal(),
        "MOVER_CA_FILE": str(access.ca_file),
    }
    program = str(Path(sys.executable).with_name("mover"))
    return subprocess.run([program, *command[1:]], env=variables, check=False).returncode


def differences(places: Storage) -> list[str]:
    """Compare what is in the archive with what is on the NAS, byte by byte, past Mover; a sentence for each difference."""
    bucket = places.s3.client()
    pages = bucket.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="2025/")
    keys = {entry["Key"] for page in pages for entry in page.get("Contents", ())}
    there = {key for key in keys if not key.endswith("/")}
    here = {
        "2025/" + str(path.relative_to(places.nas_root)): path
        for path in places.nas_root.rglob("*")
        if path.is_file()
    }
    found = [f"missing: {key}" for key in sorted(here.keys() - there)]
    found += [f"too many: {key}" for key in sorted(there - here.keys())]
    for key in sorted(here.keys() & there):
        if bucket.get_object(Bucket=BUCKET, Key=key)["Body"].read() != here[key].read_bytes():
            found.append(f"different: {key}")
    return found
