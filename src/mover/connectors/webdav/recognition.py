"""Finding out what a server is and can do, without writing anything: the account may be the source of a move."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

import msgspec

from mover.connectors.contract import Setting
from mover.connectors.webdav.api import ROOT_PROPERTIES, DavApi
from mover.connectors.webdav.config import Dialect
from mover.connectors.webdav.multistatus import Resource
from mover.connectors.webdav.urls import Root, path_of_href, segments_of
from mover.errors import NotFound, ProtocolViolation, one_line

_ENTRY_POINT = re.compile(
    r"(?P<before>/(?:.*/)?)remote\.php/(?:webdav|dav/files/(?P<user>[^/]+))/(?P<rest>.*)", re.DOTALL
)
_STATUS_LIMIT = 64 * 1024
_MAJOR_VERSION = re.compile(r"[0-9]{1,4}")
_LAST_OWNCLOUD = 10
_POSIX_SERVERS = ("nginx/", "rclone/", "lighttpd/")


@dataclass(frozen=True)
class UploadsPlace:
    """Where chunked uploads happen (Nextcloud, ownCloud 10).

    Attributes:
        uploads: The folder of the user's unfinished uploads.
        files: The root of the connection, in the form that finishing an upload wants as a destination.
    """

    uploads: Root
    files: Root


@dataclass(frozen=True, kw_only=True)
class Traits:
    """What is known of a server after sign-in.

    Attributes:
        dialect: Never AUTO.
        product: For people.
        atomic_put: A PUT that breaks leaves what was there before, so files of any size can be put in their place.
        conditional_put: `If-Match` and `If-None-Match` are honoured on PUT; None: to be found out at the first upload.
        modified: When modified times of files can be set; AFTERWARDS may turn out to be NEVER when it is first tried.
        folder_modified: Likewise of folders.
        byte_names: Names are bytes to the server.
        quota: The server told how much room is left.
        uploads: None where there are no chunked uploads.
    """

    dialect: Dialect
    product: str
    atomic_put: bool = False
    conditional_put: bool | None = None
    modified: Setting = Setting.AFTERWARDS
    folder_modified: Setting = Setting.AFTERWARDS
    byte_names: bool = False
    quota: bool = False
    uploads: UploadsPlace | None = None


class _Status(msgspec.Struct):
    """`status.php` of Nextcloud and ownCloud."""

    productname: str = ""
    versionstring: str = ""


async def recognise(api: DavApi, root: Root, wanted: Dialect) -> Traits:
    """Sign in and look at the server: two to four calls.

    Raises SignInFailed, NotFound, ProtocolViolation (no WebDAV there), and what the transport raises.
    """
    url = root.folder_url("/")
    resource = await api.resource(url, ROOT_PROPERTIES, operation="sign_in", path="/")
    _check_root(resource, root)
    headers = await api.options(url, operation="sign_in")
    quota = resource.free is not None
    if wanted is Dialect.GENERIC:
        return _generic(headers, quota=quota)
    entry_point = _ENTRY_POINT.fullmatch(root.path)
    product = ""
    if wanted is Dialect.AUTO:
        if entry_point is None and resource.id is None:
            return _generic(headers, quota=quota)
        status = await _status(api, root, entry_point["before"] if entry_point else "/")
        if status is None:
            return _generic(headers, quota=quota)
        product = one_line(f"{status.productname} {status.versionstring}", limit=80).strip()
        wanted = _dialect(status)
    return Traits(
        dialect=wanted,
        product=product or wanted.value,
        atomic_put=True,
        conditional_put=True,
        modified=Setting.AT_UPLOAD,
        folder_modified=Setting.AFTERWARDS,
        quota=quota,
        # ownCloud Infinite Scale has no such uploads; its product name is not ownCloud's.
        uploads=_uploads_place(root, entry_point, resource) if "infinite" not in product.lower() else None,
    )


def _check_root(resource: Resource, root: Root) -> None:
    if not resource.folder:
        raise NotFound("the address is not that of a folder", service="webdav", operation="sign_in", path="/")
    path = path_of_href(resource.href)
    if segments_of(path) != segments_of(root.path):
        raise ProtocolViolation(
            "the server knows this folder under another address; connect to that one",
            service="webdav",
            operation="sign_in",
            said=path,
        )


def _generic(headers: Mapping[str, str], *, quota: bool) -> Traits:
    product = one_line(headers.get("server", ""), limit=80) or "WebDAV server"
    mod_dav_fs = "<http://apache.org/dav/propset/fs/" in headers.get("dav", "")
    allowed = {method.strip().upper() for method in headers.get("allow", "").split(",")}
    if product.startswith("rclone/"):
        modified, folder_modified = Setting.AT_UPLOAD, Setting.NEVER
    elif mod_dav_fs or (len(allowed) > 1 and "PROPPATCH" not in allowed):
        modified = folder_modified = Setting.NEVER  # mod_dav_fs: the live property is read-only
    else:
        modified = folder_modified = Setting.AFTERWARDS
    return Traits(
        dialect=Dialect.GENERIC,
        product=product,
        atomic_put=mod_dav_fs,  # it writes beside the file and renames; nobody else can be recognised to
        conditional_put=True if mod_dav_fs else None,
        modified=modified,
        folder_modified=folder_modified,
        byte_names=mod_dav_fs or product.startswith(_POSIX_SERVERS),
        quota=quota,
    )


def _dialect(status: _Status) -> Dialect:
    """Tell the two apart; Nextcloud tells the name that its administrator chose for it, so often neither's.

    ownCloud's versions end with 10, where Nextcloud's began. It matters: ownCloud compares the checksum that comes with a
    file, Nextcloud merely stores it.
    """
    name = status.productname.lower()
    if "nextcloud" in name:
        return Dialect.NEXTCLOUD
    if "owncloud" in name or "infinite scale" in name:
        return Dialect.OWNCLOUD
    version = _MAJOR_VERSION.match(status.versionstring)
    return Dialect.NEXTCLOUD if version and int(version[0]) > _LAST_OWNCLOUD else Dialect.OWNCLOUD


async def _status(api: DavApi, root: Root, before: str) -> _Status | None:
    try:
        body = await api.read_public(
            f"{root.origin}{before}status.php", limit=_STATUS_LIMIT, operation="sign_in"
        )
        status = msgspec.json.decode(body, type=_Status) if body else None
    except (msgspec.DecodeError, ProtocolViolation):  # something else of that name: not one of the two
        return None
    return status if status and status.productname else None


def _uploads_place(root: Root, entry_point: re.Match[str] | None, resource: Resource) -> UploadsPlace | None:
    if entry_point is None:
        return None
    user = entry_point["user"]
    if user is None and resource.principal is not None:  # …/principals/users/alice/
        segments = segments_of(path_of_href(resource.principal))
        user = quote(segments[-1], safe="") if segments else None
    if not user or unquote_to_bytes(user) in {b".", b".."}:
        return None
    dav = f"{entry_point['before']}remote.php/dav/"
    return UploadsPlace(
        root.beside(f"{dav}uploads/{user}/"), root.beside(f"{dav}files/{user}/{entry_point['rest']}")
    )
