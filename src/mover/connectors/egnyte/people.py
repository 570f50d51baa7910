"""Users' addresses: permissions and versions name users as Egnyte does, everybody else knows them by e-mail."""

from __future__ import annotations

from mover.connectors.egnyte.api import EgnyteApi
from mover.errors import UserNotFound

_MOST_KNOWN = 50_000


class People:
    """Who is who in one domain; asked once for each, remembered for as long as the connector lives."""

    def __init__(self, api: EgnyteApi) -> None:
        self._api = api
        self._email_of: dict[str, str | None] = {}
        self._name_of: dict[str, str] = {}

    async def email_of(self, name: str) -> str | None:
        """The address of a user, in lower case; None if there is none any more."""
        if name not in self._email_of:
            await self._ask(f'userName eq "{_quotable(name)}"')
            self._email_of.setdefault(name, None)
        return self._email_of[name]

    async def name_of(self, email: str) -> str:
        """The name of the user with an address. Raises UserNotFound."""
        email = email.lower()
        if email not in self._name_of:
            await self._ask(f'email eq "{_quotable(email)}"')
        if email not in self._name_of:
            raise UserNotFound(f"there is no user {email} in this Egnyte domain")
        return self._name_of[email]

    async def group_named(self, name: str) -> str:
        """The name of a group as the domain spells it. Raises UserNotFound."""
        found = await self._api.groups(_quotable(name))
        for group in found.resources:
            if group.displayName.lower() == name.lower():
                return group.displayName
        raise UserNotFound(f"there is no group {name} in this Egnyte domain")

    async def _ask(self, where: str) -> None:
        if len(self._email_of) > _MOST_KNOWN:
            self._email_of.clear()
            self._name_of.clear()
        for user in (await self._api.users(where=where)).resources:
            if user.email:
                self._email_of[user.userName] = user.email.lower()
                self._name_of[user.email.lower()] = user.userName


def _quotable(text: str) -> str:
    if '"' in text or "\\" in text:
        raise UserNotFound("no user or group has a name with quotes")
    return text
