"""How the real servers are connected to Mover, and what lies in them."""

from __future__ import annotations

import contextlib
import http.client
import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.servers.ftp import FtpServer
from tests.servers.mariadb import MariaDbServer
from tests.servers.openstack import SwiftServer
from tests.servers.s3 import S3Server
from tests.servers.ssh import SftpServer
from tests.servers.webdav import WebdavServer


def sftp_values(server: SftpServer, *, port: int | None = None) -> dict[str, Any]:
    """The keys of `mover connect sftp`; `port` is that of something in between."""
    return {
        "host": server.host,
        "port": port or server.port,
        "username": server.username,
        "password": server.password,
        "path": server.path,
    }


def ftp_values(server: FtpServer, path: str = "/", *, plain: bool = False) -> dict[str, Any]:
    """The keys of `mover connect ftps`, or `ftp`; `path` is a folder of the test's own, made if it is not there."""
    folder = server.root / path.strip("/")
    folder.mkdir(parents=True, exist_ok=True)
    os.chown(folder, server.owner, server.owner)
    values = {
        "host": server.host,
        "port": server.port,
        "username": server.username,
        "password": server.password,
        "path": path,
    }
    return values | ({"plain": True} if plain else {"ca_file": server.certificates.ca_file})


def s3_values(server: S3Server, bucket: str, *, port: int | None = None) -> dict[str, Any]:
    """The keys of `mover connect s3`, with a bucket that is made if it is not there."""
    client = server.client()
    try:
        if bucket not in {found["Name"] for found in client.list_buckets()["Buckets"]}:
            client.create_bucket(Bucket=bucket)
    finally:
        client.close()
    values = {
        "endpoint": server.url.replace(f":{server.port}", f":{port or server.port}"),
        "bucket": bucket,
        "access_key": server.access_key,
        "secret_key": server.secret_key,
    }
    return values | ({"ca_file": server.ca_file} if server.ca_file else {"plain": True})


def swift_values(
    server: SwiftServer, container: str | None, *, plain_port: int | None = None
) -> dict[str, Any]:
    """The keys of `mover connect swift`, with a container that is made; `plain_port` is that of something in between."""
    if container is not None:
        server.account().put(container)
    plain = f"http://{server.host}:{plain_port}/auth/v1.0"
    given = {
        "url": plain if plain_port else server.auth_url,
        "username": server.username,
        "password": server.password,
    }
    given |= {"container": container} if container else {}
    return given | ({"plain": True} if plain_port else {"ca_file": server.ca_file})


def webdav_values(server: WebdavServer, url: str | None = None) -> dict[str, Any]:
    """The keys of `mover connect webdav`."""
    given = {"url": url or server.url, "username": server.username, "password": server.password}
    plain = given["url"].startswith("http://")
    return given | ({"plain": True} if plain else {"ca_file": server.ca_file})


def mysql_values(server: MariaDbServer, *, port: int | None = None) -> dict[str, Any]:
    """The keys of `mover connect mysql`; `port` is that of something in between."""
    return {
        "host": server.host,
        "port": port or server.port,
        "username": server.username,
        "password": server.password,
        "ca_file": server.ca_file,
    }


def put(folder: Path, files: Mapping[str, bytes], *, owner: int | None = None) -> None:
    """Write files below a folder, by path, for an owner."""
    made = {folder}
    for path, content in files.items():
        file = folder / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        made |= {file, *_between(folder, file)}
    if owner is not None:
        for path_made in made:
            os.chown(path_made, owner, owner)


def _between(folder: Path, file: Path) -> set[Path]:
    return {folder / parent for parent in file.relative_to(folder).parents}


def files_below(folder: Path) -> dict[str, bytes]:
    """Read all files below a folder, by path from it, with a leading slash."""
    return {f"/{file.relative_to(folder)}": file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def objects_in(server: S3Server, bucket: str) -> dict[str, bytes]:
    """Read all objects of a bucket, by key with a leading slash; markers of folders are left out."""
    client = server.client()
    try:
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        keys = [listed["Key"] for page in pages for listed in page.get("Contents", ())]
        # The client itself would take longer for each answer than server and network do.
        signed = {
            f"/{key}": client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key})
            for key in keys
            if not key.endswith("/")
        }
    finally:
        client.close()
    context = ssl.create_default_context(cafile=server.ca_file) if server.ca_file else None
    connection = (
        http.client.HTTPSConnection(server.host, server.port, timeout=60, context=context)
        if context
        else http.client.HTTPConnection(server.host, server.port, timeout=60)
    )
    with contextlib.closing(connection):
        return {path: _got(connection, url) for path, url in signed.items()}


def _got(connection: http.client.HTTPConnection, url: str) -> bytes:
    connection.request("GET", url[url.index("/", len("https://")) :])
    answer = connection.getresponse()
    content = answer.read()
    assert answer.status == 200, (url, answer.status, content[:500])
    return content


def versions_in(server: S3Server, bucket: str) -> dict[str, list[int]]:
    """Seconds since 1970 of all that a bucket was ever sent and keeps, by key with a leading slash."""
    client = server.client()
    found: dict[str, list[int]] = {}
    try:
        for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for listed in page.get("Versions", ()):
                if not listed["Key"].endswith("/"):
                    found.setdefault(f"/{listed['Key']}", []).append(int(listed["LastModified"].timestamp()))
    finally:
        client.close()
    return found


def unfinished_uploads(server: S3Server, bucket: str) -> list[str]:
    """Keys of multipart uploads that were begun and neither finished nor aborted."""
    return [key for key, _ in _unfinished(server, bucket)]


def parts_left_behind(server: S3Server, bucket: str) -> list[str]:
    """Keys of those that hold something.

    One that was begun at the very moment of a kill -9, before the ledger heard of it, stays, and holds nothing: its parts are
    sent only afterwards.
    """
    client = server.client()
    try:
        return [
            key
            for key, upload in _unfinished(server, bucket)
            if client.list_parts(Bucket=bucket, Key=key, UploadId=upload).get("Parts")
        ]
    finally:
        client.close()


def _unfinished(server: S3Server, bucket: str) -> list[tuple[str, str]]:
    client = server.client()
    try:
        answer = client.list_multipart_uploads(Bucket=bucket)
    finally:
        client.close()
    return [(upload["Key"], upload["UploadId"]) for upload in answer.get("Uploads", ())]
