"""SFTP: files over SSH."""

from __future__ import annotations

import ctypes.util
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mover.connectors.registry import ConnectorType, Remember
from mover.connectors.sftp.config import SftpConfig
from mover.transport.egress import Egress

if TYPE_CHECKING:
    from mover.connectors.sftp.connector import SftpConnector


def _make(config: SftpConfig, egress: Egress, remember: Remember) -> SftpConnector:
    with _finding_no_libraries():
        from mover.connectors.sftp.connector import SftpConnector  # noqa: PLC0415 - see there

    return SftpConnector(config, egress, remember)


@contextmanager
def _finding_no_libraries() -> Iterator[None]:
    """Keep asyncssh from looking for liboqs and nettle while it is loaded.

    The search starts ldconfig and a compiler, which takes as long as a sixth of all of asyncssh, and Mover needs
    neither: ML-KEM comes from `cryptography`, and AES-GCM has no need of UMAC.
    """
    find_library = ctypes.util.find_library
    ctypes.util.find_library = _not_found
    try:
        yield
    finally:
        ctypes.util.find_library = find_library


def _not_found(name: str) -> str | None:  # noqa: ARG001 - the signature of what it stands for
    return None


CONNECTOR_TYPE = ConnectorType(name="sftp", title="SFTP", config=SftpConfig, make=_make)
