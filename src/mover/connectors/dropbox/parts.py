"""Large files in parts: concurrent upload sessions, whose pieces come in any order.

The last piece closes the session; it may overtake others, as in Dropbox's own example of concurrent sessions. Sessions need
no end: Dropbox forgets those that are not finished after 7 days, and they count against no quota.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from mover.connectors.bodies import body_of
from mover.connectors.contract import Content, SentPart, Target
from mover.connectors.dropbox.answers import Finish
from mover.connectors.dropbox.api import FilesApi
from mover.connectors.dropbox.calls import Purpose, Who
from mover.connectors.dropbox.entries import address, entry_of
from mover.connectors.dropbox.faults import Fault
from mover.connectors.dropbox.storing import Stores
from mover.connectors.dropbox.uploads import Uploads
from mover.entries import Entry, HashName
from mover.errors import Changed, Conflict, IntegrityError, MoverError, NotFound, Unsupported
from mover.transport.unreadable import UNREADABLE

_LASTS_S = 7 * 86_400.0
_GONE = frozenset({"not_found", "closed"})


class _Upload(msgspec.Struct, frozen=True):
    """What is to be known of an upload after a restart."""

    session_id: str
    size: int
    begun_s: float
    path: str
    member: str | None = None
    admin: str | None = None
    namespace: str | None = None
    is_root: bool = False

    @property
    def who(self) -> Who:
        return Who(self.member, self.admin, self.namespace, self.is_root)


class DropboxPartUploads:
    """See `contract.PartUploads`.

    Args:
        api: The calls.
        uploads: Finds places.
        stores: Where files come into being.
    """

    def __init__(self, api: FilesApi, uploads: Uploads, stores: Stores) -> None:
        self._api = api
        self._uploads = uploads
        self._stores = stores
        self._aborted: set[str] = set()

    async def begin(self, target: Target, size: int | None, part_size: int) -> str:  # noqa: ARG002 - it is in each part
        """See the contract. One call."""
        if size is None:
            raise Unsupported("Dropbox must be told with the last part that it is the last one")
        where, _ = await self._uploads.place(target)
        purpose = Purpose(who=where.who, operation="upload", path=target.ref.path)
        begun = await self._api.start_concurrent_session(purpose)
        if isinstance(begun, Fault):
            raise self._api.caller.error(purpose, begun)
        who = where.who
        upload = _Upload(
            begun.session_id,
            size,
            self._api.caller.now(),
            target.ref.path,
            who.member,
            who.admin,
            who.namespace,
            who.is_root,
        )
        return msgspec.json.encode(upload).decode()

    async def send(self, token: str, number: int, offset: int, content: Content) -> SentPart:
        """See the contract. One call; Dropbox compares the content hash where it is known."""
        upload = self._open(token)
        size = content.size
        if size is None:
            raise IntegrityError("the size of a part must be known")
        purpose = Purpose(who=upload.who, operation="upload", path=upload.path)
        known = content.hashes.get(HashName.DROPBOX)
        failure = await self._api.append(
            purpose,
            upload.session_id,
            offset,
            await body_of(content, size),
            size,
            known,
            close=offset + size == upload.size,
            repeatable=content.repeatable,
        )
        if failure is not None and _GONE & set(failure.tags):
            raise self._gone(upload)
        if failure is not None:
            raise self._api.caller.error(purpose, failure)
        return SentPart(number, size, known or "")

    async def received(self, token: str, _kept: Sequence[SentPart] = ()) -> Sequence[SentPart] | None:
        """See the contract. No call: Dropbox does not tell which pieces it has."""
        self._open(token)
        return None

    async def finish(
        self, token: str, target: Target, parts: Sequence[SentPart], hashes: Mapping[HashName, str]
    ) -> Entry:
        """See the contract. A share of one call."""
        upload = self._open(token)
        if sum(part.size for part in parts) != upload.size:
            raise IntegrityError("parts are missing")
        where, commit = await self._uploads.place(target)
        purpose = Purpose(who=where.who, operation="upload", path=upload.path)
        stored = await self._stores.of(where.who).finish(Finish(upload.session_id, upload.size, commit))
        if not isinstance(stored, Fault):
            return entry_of(stored)
        if stored.has("lookup_failed") and _GONE & set(stored.tags):
            refusal: MoverError = self._gone(upload)
        else:
            refusal = await self._uploads.refusal(stored, purpose, target)
        if isinstance(refusal, NotFound | Conflict | Changed):
            # The answer to an earlier try may have been lost: then what it made stands there.
            made = await self._made_before(purpose, target, where.child(target.name).path, upload, hashes)
            if made is not None:
                return made
        raise refusal

    async def abort(self, token: str) -> None:
        """See the contract. No call."""
        self._aborted.add(token)

    async def _made_before(
        self, purpose: Purpose, target: Target, path: str, upload: _Upload, hashes: Mapping[HashName, str]
    ) -> Entry | None:
        wanted = hashes.get(HashName.DROPBOX)
        if wanted is None:
            return None
        if target.folder.id is not None:
            path = f"{address(target.folder, path)}/{target.name}"
        try:
            standing = entry_of(await self._api.get_metadata(purpose, path))
        except NotFound:
            return None
        is_it = standing.size == upload.size and standing.hashes.get(HashName.DROPBOX) == wanted
        return standing if is_it else None

    def _open(self, token: str) -> _Upload:
        try:
            upload = msgspec.json.decode(token, type=_Upload)
        except UNREADABLE as error:
            raise NotFound("what is kept about this upload cannot be read; it must be sent again") from error
        if token in self._aborted or self._api.caller.now() > upload.begun_s + _LASTS_S:
            raise self._gone(upload)
        return upload

    def _gone(self, upload: _Upload) -> NotFound:
        return NotFound(
            "the upload is gone; the file must be sent again",
            service=self._api.caller.service,
            operation="upload",
            path=upload.path,
        )
