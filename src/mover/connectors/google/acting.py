"""In whose name an entry is asked for, and what went wrong with that person's account."""

from __future__ import annotations

from mover.connectors.google.addresses import Address
from mover.connectors.google.answers import Grant
from mover.connectors.google.api import DriveApi
from mover.errors import AccountSuspended, MoverError, NotFound, PermissionDenied, UserNotFound
from mover.transport.oauth.app_tokens import AccessToken, Fetch
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
            await self._check(address.user)
            return address.user
        if address.drive is None:
            return self._admin_address
        if address.drive not in self._members:
            self._members[address.drive] = await self._member(address.drive, operation, path)
        return self._members[address.drive]

    async def _check(self, user: str) -> None:
        """Make sure that there are tokens for a user. Raises UserNotFound, AccountSuspended."""
        if user not in self._checked:
            await self._tokens.access(user)
            self._checked.add(user)

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
                await self._check(email)
            except (AccountSuspended, UserNotFound, GrantRefused):
                continue  # of another domain, or gone: the next one
            return email
        raise PermissionDenied(
            "no user of the domain is a member who may write in this shared drive; make one a manager of it",
            operation=operation,
            path=path,
        )


class ExplainedRefusals:
    """Gets tokens for users, and finds out why there are none.

    The token endpoint says the same of users that are suspended and of those that never were.

    Args:
        fetch: Gets them.
        admin: Address of the administrator.
        directory: Calls in the administrator's name.
    """

    def __init__(self, fetch: Fetch, admin: str, directory: DriveApi) -> None:
        self._fetch = fetch
        self._admin = admin
        self._directory = directory

    async def __call__(self, subject: str | None) -> AccessToken:
        """Get one. Raises UserNotFound, AccountSuspended, and what `fetch` raises."""
        try:
            return await self._fetch(subject)
        except GrantRefused as error:
            if error.code != _NO_GRANT or subject is None or subject == self._admin:
                raise
            raise await self._why(subject) from error

    async def _why(self, user: str) -> MoverError:
        try:
            found = await self._directory.user(user, subject=None, operation="sign-in")
        except NotFound:
            return UserNotFound("Google knows no such user", operation="sign-in", path=user)
        if found.suspended or found.archived:
            return AccountSuspended("the user's account is suspended", operation="sign-in", path=user)
        return AccountSuspended(
            "Google gives no access to the user's account", operation="sign-in", path=user
        )


Acting = OneAccount | Domain
