"""Writing whole objects: headers, checksums, and what is signed in place of the body."""

from __future__ import annotations

from collections.abc import Mapping

from mover.connectors.contract import Content, Target
from mover.connectors.metadata import media_type_header, spell_mtime
from mover.connectors.s3.config import S3Config
from mover.connectors.s3.objects import MTIME_HEADER, base64_of
from mover.connectors.s3.signing import UNSIGNED_PAYLOAD
from mover.entries import HashName
from mover.hashing import hash_chunks


class Writing:
    """How objects are written on one connection.

    Args:
        config: Storage class and encryption that the person wants.
        encrypted: The transport is TLS, so that the body need not be signed.
        checksums: The service takes and checks `x-amz-checksum-crc64nvme`.
    """

    def __init__(self, config: S3Config, *, encrypted: bool, checksums: bool) -> None:
        self._encrypted = encrypted
        self._checksums = checksums
        self._wishes: dict[str, str] = {}
        if config.storage_class:
            self._wishes["x-amz-storage-class"] = config.storage_class
        if config.server_side_encryption:
            self._wishes["x-amz-server-side-encryption"] = config.server_side_encryption

    def object_headers(self, target: Target) -> dict[str, str]:
        """Headers that stay with the object."""
        headers = {**self._wishes, **media_type_header(target.media_type)}
        if target.modified_ns is not None:
            headers[MTIME_HEADER] = spell_mtime(target.modified_ns)
        return headers

    def checksum_headers(self, hashes: Mapping[HashName, str]) -> dict[str, str]:
        """Headers by which the service checks what arrives."""
        headers = {}
        if HashName.MD5 in hashes:
            headers["content-md5"] = base64_of(hashes[HashName.MD5])
        if self._checksums and HashName.CRC64NVME in hashes:
            headers["x-amz-checksum-crc64nvme"] = base64_of(hashes[HashName.CRC64NVME])
        return headers

    async def payload(self, content: Content) -> str | None:
        """What is signed in place of the body: its SHA-256 where it is known or plain HTTP asks for it.

        Without TLS a body that cannot be read twice goes unsigned; its Content-MD5 is signed where it is known.
        """
        if HashName.SHA256 in content.hashes:
            return content.hashes[HashName.SHA256]
        if self._encrypted or not content.repeatable:
            return UNSIGNED_PAYLOAD
        hashes, _ = await hash_chunks(content.chunks(), [HashName.SHA256])
        return hashes[HashName.SHA256]
