"""In whose name an entry is asked for, and what went wrong with that person's account."""

from __future__ import annotations

from mover.connectors.google.addresses import Address
from mover.connectors.google.answers import Grant
from mover.connectors.google.api import DriveApi
from mover.errors import AccountSuspended, NotFound, PermissionDenied, UserNotFound
from mover.transport.oauth.refusals import GrantRefused
from mover.transport.oauth.tokens import Tokens

_RANKS = {"organizer": 3, "fileOrganizer": 2, "writer": 1}
_NO_GRANT = "invalid_grant"


class OneAccount:
    """The single form: everything is asked for in the name of who signed in."""

    admin: str | None = None

    async def subject(self, address: Address, operation: str, path: str) -> str | None:  # noqa: ARG002 - the admin form's
        """Return None: there is nobody else."""
        return None


class Domain:
    """The admin form: what is in a My Drive in its user's name, what is in a shared drive in that of a member who may most.

    An administrator is not a member of each shared drive. Nobody is made one: Mover changes no memberships.

    Args:
        api: For what must be asked.
        tokens: Of the service account.
        admin: Address of the administrator.
    """

    def __init__(self, api: DriveApi, tokens: Tokens, admin: str) -> None:
        self.admin: str | None = admin
        self._api = api
        self._tokens = tokens
        self._admin_address = admin
        self._members: dict[str, str] = {}
        self._checked: set[str] = set()

    async def subject(self, address: Address, operation: str, path: str) -> str | None:
        """Find out in whose name. Raises UserNotFound, AccountSuspended, PermissionDenied: nobody may."""
        if address.user is not None:
            await self.check(address.user, operation, path)
            return address.user
        if address.drive is None:
            return self._admin_address
        if address.drive not in self._members:
            self._members[address.drive] = await self._member(address.drive, operation, path)
        return self._members[address.drive]

    async def check(self, user: str, operation: str, path: str) -> None:
        """Make sure that there are tokens for a user. Raises UserNotFound, AccountSuspended."""
        if user in self._checked:
            return
        try:
            await self._tokens.access(user)
        except GrantRefused as error:
            if error.code != _NO_GRANT or user == self._admin_address:
                raise
            # The token endpoint says the same of users that are suspended and of those that never were.
            raise await self._why(user, operation, path) from error
        self._checked.add(user)

    async def _why(self, user: str, operation: str, path: str) -> Exception:
        try:
            found = await self._api.user(user, subject=self._admin_address, operation=operation, path=path)
        except NotFound:
            return UserNotFound("Google knows no such user", operation=operation, path=path)
        if found.suspended or found.archived:
            return AccountSuspended("the user's account is suspended", operation=operation, path=path)
        return AccountSuspended(
            "Google gives no access to the user's account", operation=operation, path=path
        )

    async def _member(self, drive: str, operation: str, path: str) -> str:
        found: list[Grant] = []
        token = None
        while True:
            page = await self._api.grants(
                drive, subject=self._admin_address, token=token, admin=True, operation=operation, path=path
            )
            found += page.permissions
            token = page.next_page_token
            if token is None:
                break
        people = [
            (_RANKS[grant.role], grant.email_address.lower())
            for grant in found
            if grant.type == "user" and not grant.deleted and grant.role in _RANKS and grant.email_address
        ]
        # The administrator first where he may as much as others, since he stays longest.
        for _, email in sorted(people, key=lambda pair: (-pair[0], pair[1] != self._admin_address, pair[1])):
            try:
                await self.check(email, operation, path)
            except (AccountSuspended, UserNotFound, GrantRefused):
                continue  # of another domain, or gone: the next one
            return email
        raise PermissionDenied(
            "no user of the domain is a member who may write in this shared drive; make one a manager of it",
            operation=operation,
            path=path,
        )


Acting = OneAccount | Domain
