"""The provider of a process that is not to have any key: whatever it is asked, it has none."""

from __future__ import annotations

from typing import NoReturn

from mover.errors import InvalidConfiguration


class NobodysKey:
    """A `KeyProvider` without a key. Every use raises InvalidConfiguration."""

    title = "no key"

    async def key_id(self) -> str:
        """Raise."""
        _refuse()

    async def wrap(self, key: bytes, where: bytes) -> bytes:  # noqa: ARG002 - of the protocol
        """Raise."""
        _refuse()

    async def unwrap(self, wrapped: bytes, where: bytes) -> bytes:  # noqa: ARG002 - of the protocol
        """Raise."""
        _refuse()


def _refuse() -> NoReturn:
    raise InvalidConfiguration("this process has no key of the vault, and is not to have one")
