"""The global keys that this process can use, found by their ids."""

from __future__ import annotations

from collections.abc import Sequence

from mover.errors import InvalidConfiguration, MoverError
from mover.vault.providers import FileKeyProvider, KeyProvider


class KeyRing:
    """Providers of global keys: the one that the operator prefers, and others that stored keys may still need.

    Which of them wraps new keys is not decided here but in the database, for all processes alike. A key in a file is
    also looked for beside it, where a rotation keeps the next one.
    """

    def __init__(self, preferred: KeyProvider, previous: Sequence[KeyProvider] = ()) -> None:
        self.preferred = preferred
        self._given = [preferred, *previous]
        self._found: dict[str, KeyProvider] = {}

    @property
    def providers(self) -> tuple[KeyProvider, ...]:
        """All that were given, the preferred one first."""
        return tuple(self._given)

    def prefer(self, provider: KeyProvider) -> None:
        """Put another provider first; those that there were can still be found."""
        self._given = [provider, *(other for other in self._given if other is not provider)]
        self.preferred = provider

    async def find(self, key_id: str) -> KeyProvider:
        """Find the provider of a global key.

        Raises InvalidConfiguration if no provider has it, and what a provider raised that might have it.
        """
        if (known := self._found.get(key_id)) is not None:
            return known
        failures: list[MoverError] = []
        others: list[str] = []
        for provider in self._given:
            try:
                if (others_id := await provider.key_id()) == key_id:
                    self._found[key_id] = provider
                    return provider
                others.append(others_id)
            except MoverError as error:
                failures.append(error)
        for provider in self._given:
            match provider:
                case FileKeyProvider() if (beside := await provider.beside(key_id)) is not None:
                    self._found[key_id] = beside
                    return beside
                case _:
                    continue
        if failures:
            raise failures[0]
        raise InvalidConfiguration(
            f"the vault's global key (id {', '.join(_short(other) for other in others)}) is not the one that the stored "
            f"secrets need (id {_short(key_id)}); put that one back, or name it in MOVER_PREVIOUS_GLOBAL_KEYS"
        )


def _short(key_id: str) -> str:
    kind, dash, digest = key_id.rpartition("-")
    return kind + dash + digest[:8]
