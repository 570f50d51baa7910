"""An hour's work with Microsoft's own Python SDK, unchanged: run as a script beside the simulator, it prints what it saw."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from datetime import UTC, datetime
from typing import Any

import httpx
from kiota_abstractions.authentication import AccessTokenProvider, AllowedHostsValidator
from kiota_abstractions.authentication.base_bearer_token_authentication_provider import (
    BaseBearerTokenAuthenticationProvider,
)
from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph.generated.drives.item.items.item.children.children_request_builder import ChildrenRequestBuilder
from msgraph.generated.drives.item.items.item.create_upload_session.create_upload_session_post_request_body import (
    CreateUploadSessionPostRequestBody,
)
from msgraph.generated.drives.item.items.item.invite.invite_post_request_body import InvitePostRequestBody
from msgraph.generated.models.drive_item import DriveItem
from msgraph.generated.models.drive_item_uploadable_properties import DriveItemUploadableProperties
from msgraph.generated.models.drive_recipient import DriveRecipient
from msgraph.generated.models.file_system_info import FileSystemInfo
from msgraph.generated.models.folder import Folder
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.graph_request_adapter import GraphRequestAdapter
from msgraph.graph_service_client import GraphServiceClient

MODIFIED = datetime(2020, 2, 2, 2, 2, 2, tzinfo=UTC)


class Token(AccessTokenProvider):
    """One that was issued beforehand."""

    def __init__(self, value: str) -> None:
        self._value = value

    async def get_authorization_token(self, uri: str, additional_authentication_context: Any = None) -> str:
        """Return it for Graph, and nothing for other hosts, as the SDK's own provider does."""
        del additional_authentication_context
        return self._value if self.get_allowed_hosts_validator().is_url_host_valid(uri) else ""

    def get_allowed_hosts_validator(self) -> AllowedHostsValidator:
        """Graph alone."""
        return AllowedHostsValidator(["graph.microsoft.com"])


def client(token: str) -> GraphServiceClient:
    """Make the SDK's client with its own middleware."""
    adapter = GraphRequestAdapter(BaseBearerTokenAuthenticationProvider(Token(token)))
    return GraphServiceClient(request_adapter=adapter)


async def hour(token: str, other: str) -> dict[str, Any]:
    """Work, and tell what was seen."""
    graph = client(token)
    saw: dict[str, Any] = {}
    drive = await graph.me.drive.get()
    assert drive is not None
    saw["drive"] = [drive.id, drive.drive_type, drive.quota.total if drive.quota else None]
    items = graph.drives.by_drive_id(drive.id).items
    start = await graph.drives.by_drive_id(drive.id).items.by_drive_item_id("root").delta.get()
    folder = await items.by_drive_item_id("root").children.post(
        DriveItem(
            name="Books & more",
            folder=Folder(),
            additional_data={"@microsoft.graph.conflictBehavior": "fail"},
        )
    )
    small = await items.by_drive_item_id(f"{folder.id}:/small #1.txt:").content.put(b"small content")
    saw["small"] = [small.name, small.size, small.file.hashes.quick_xor_hash]
    data = bytes(range(256)) * 4096
    session = await items.by_drive_item_id(f"{folder.id}:/large.bin:").create_upload_session.post(
        CreateUploadSessionPostRequestBody(
            item=DriveItemUploadableProperties(
                additional_data={"@microsoft.graph.conflictBehavior": "fail"},
                file_system_info=FileSystemInfo(last_modified_date_time=MODIFIED),
            )
        )
    )
    large_id, saw["resumed"] = await upload(session.upload_url, data)
    large = await items.by_drive_item_id(large_id).get()
    saw["large"] = [large.name, large.size, large.file_system_info.last_modified_date_time.isoformat()]
    saw["read"] = (await items.by_drive_item_id(large.id).content.get()) == data
    link = large.additional_data["@microsoft.graph.downloadUrl"]
    async with httpx.AsyncClient() as plain:
        ranged = await plain.get(link, headers={"Range": "bytes=10-19"})
    saw["range"] = [ranged.status_code, ranged.content == data[10:20]]
    saw["pages"] = await pages(items, folder.id)
    renamed = await items.by_drive_item_id(small.id).patch(DriveItem(name="renamed.txt"))
    saw["renamed"] = [renamed.id == small.id, renamed.name]
    saw.update(await share(items, folder.id, other))
    await items.by_drive_item_id(small.id).content.put(b"second content")
    versions = await items.by_drive_item_id(small.id).versions.get()
    saw["versions"] = [version.size for version in versions.value]
    saw["changes"] = await changes(graph, drive.id, start)
    await items.by_drive_item_id(large.id).delete()
    try:
        await items.by_drive_item_id(large.id).get()
    except ODataError as error:
        saw["gone"] = [error.response_status_code, error.error.code]
    return saw


async def upload(url: str, data: bytes) -> tuple[str, list[str]]:
    """Send fragments to an upload URL, the second one after asking where to go on.

    The SDK's own task for this (msgraph-core 1.4) sends the last fragment twice; by then the upload is gone.
    """
    async with httpx.AsyncClient() as plain:

        async def send(start: int, end: int) -> httpx.Response:
            headers = {"Content-Range": f"bytes {start}-{end - 1}/{len(data)}"}
            return await plain.put(url, content=data[start:end], headers=headers)

        first = (await send(0, 655_360)).json()["nextExpectedRanges"]
        state = (await plain.get(url)).json()["nextExpectedRanges"]
        done = await send(int(state[0].partition("-")[0]), len(data))
    return done.json()["id"], [*first, *state, str(done.status_code)]


async def pages(items: Any, folder_id: str) -> list[int]:
    """List a folder two entries at a time."""
    for number in range(3):
        await items.by_drive_item_id(f"{folder_id}:/page {number}.txt:").content.put(b"x")
    query = ChildrenRequestBuilder.ChildrenRequestBuilderGetQueryParameters(top=2)
    page = await items.by_drive_item_id(folder_id).children.get(RequestConfiguration(query_parameters=query))
    sizes = [len(page.value)]
    while page.odata_next_link:
        page = await items.by_drive_item_id(folder_id).children.with_url(page.odata_next_link).get()
        sizes.append(len(page.value))
    return sizes


async def share(items: Any, folder_id: str, other: str) -> dict[str, Any]:
    """Invite somebody without mail, look, and take it back."""
    invited = await items.by_drive_item_id(folder_id).invite.post(
        InvitePostRequestBody(
            recipients=[DriveRecipient(email=other)],
            roles=["write"],
            require_sign_in=True,
            send_invitation=False,
        )
    )
    told = await items.by_drive_item_id(folder_id).permissions.get()
    roles = sorted(
        (line.granted_to_v2.user.additional_data.get("email"), line.roles)
        for line in told.value
        if line.granted_to_v2
    )
    await items.by_drive_item_id(folder_id).permissions.by_permission_id(invited.value[0].id).delete()
    left = await items.by_drive_item_id(folder_id).permissions.get()
    return {"shared": roles, "left": len(left.value)}


async def changes(graph: GraphServiceClient, drive_id: str, start: Any) -> list[str]:
    """Follow the feed from a moment before."""
    delta = graph.drives.by_drive_id(drive_id).items.by_drive_item_id("root").delta
    page = await delta.with_url(start.odata_delta_link).get()
    names = [item.name for item in page.value]
    while page.odata_next_link:
        page = await delta.with_url(page.odata_next_link).get()
        names += [item.name for item in page.value]
    return sorted(names)


async def directory(token: str) -> dict[str, Any]:
    """What an app sees of a tenant."""
    graph = client(token)
    users = await graph.users.get()
    sites = await graph.sites.get_all_sites.get()
    site = next(site for site in sites.value if site.display_name == "Marketing")
    drives = await graph.sites.by_site_id(site.id).drives.get()
    return {
        "users": sorted(user.user_principal_name for user in users.value),
        "libraries": [drive.name for drive in drives.value],
    }


if __name__ == "__main__":
    seen = asyncio.run(hour(os.environ["TOKEN"], sys.argv[1]))
    seen |= asyncio.run(directory(os.environ["APP_TOKEN"]))
    sys.stdout.write(json.dumps(seen))
