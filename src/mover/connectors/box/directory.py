"""The users of an enterprise: whose trees stand below `/Users`."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncGenerator, Sequence

from mover.connectors.box.addresses import number
from mover.connectors.box.answers import User
from mover.connectors.box.api import BoxApi, Doing
from mover.connectors.box.spots import Spot, spot_of_id, walk
from mover.connectors.contract import Place, PlaceKind
from mover.entries import EntryRef
from mover.errors import AccountSuspended, MoverError, NotFound, Unsupported, UserNotFound

USERS = "Users"
ROOT_ID = "enterprise"
USERS_ID = "users"

_ACTIVE = "active"
_INACTIVE = "inactive"
_MOST_KNOWN = 10_000


class Directory:
    """Knows users by address; satisfies `Spots` for the trees of all of them.

    Args:
        api: The calls.
    """

    def __init__(self, api: BoxApi) -> None:
        self._api = api
        self._known: OrderedDict[str, str] = OrderedDict()

    async def of(self, ref: EntryRef, operation: str) -> Spot:
        """See `Spots`. Raises UserNotFound, AccountSuspended; Unsupported above the users' trees, where nothing can be put."""
        names = [name for name in ref.path.split("/") if name]
        if names[:1] != [USERS] and names:
            raise NotFound("there is no such entry")
        if len(names) < 2:  # noqa: PLR2004 - below the root, and below /Users
            raise Unsupported("here stand the users; files stand in their folders")
        user = await self.user_id(names[1], operation, ref.path)
        if ref.id is not None:
            return spot_of_id(ref.id, user)
        root = spot_of_id(f"user-{user}", None)
        return await walk(self._api, root, names[2:], operation, ref.path)

    async def user_id(self, email: str, operation: str, path: str) -> str:
        """Return a user's id; one call for each user. Raises UserNotFound, AccountSuspended."""
        email = email.lower()
        if email in self._known:
            self._known.move_to_end(email)
            return self._known[email]
        doing = Doing(operation=operation, path=path)
        page = await self._api.users(doing, beginning=email)
        for user in page.entries or ():
            if user.login is not None and user.login.lower() == email and user.id is not None:
                if user.status == _INACTIVE:
                    raise _suspended(self._api.service, operation, path)
                self._known[email] = number(user.id)
                if len(self._known) > _MOST_KNOWN:
                    self._known.popitem(last=False)
                return self._known[email]
        raise UserNotFound(
            f"the enterprise has no user {email}",
            service=self._api.service,
            operation=operation,
            path=path,
        )

    async def explain(self, user_id: str, error: MoverError) -> MoverError:
        """Say that a user is suspended, if that is why something was refused. One call."""
        doing = Doing(operation=error.operation, path=error.path)
        try:
            user = await self._api.user(user_id, doing)
        except MoverError:
            return error
        if user.status != _INACTIVE:
            return error
        self._known = OrderedDict(pair for pair in self._known.items() if pair[1] != user_id)
        return _suspended(error.service, error.operation, error.path)

    async def pages(
        self, operation: str, path: str, marker: str | None = None
    ) -> AsyncGenerator[tuple[Sequence[User], str | None], None]:
        """Yield all users, in pages, with the marker of the next one."""
        doing = Doing(operation=operation, path=path)
        while True:
            page = await self._api.users(doing, marker=marker)
            following = page.next_marker or None
            if following == marker:
                following = None
            yield [user for user in page.entries or () if user.id and user.login], following
            if following is None:
                return
            marker = following

    async def all(self) -> AsyncGenerator[Sequence[Place], None]:
        """See `contract.Places`."""
        async for users, _ in self.pages("places", f"/{USERS}"):
            yield [_place(user) for user in users]


def _place(user: User) -> Place:
    assert user.login is not None
    email = user.login.lower()
    return Place(
        path=f"/{USERS}/{email}",
        kind=PlaceKind.PERSON,
        name=user.name or email,
        email=email,
        ready=None if user.status is None else user.status == _ACTIVE,
    )


def _suspended(service: str, operation: str, path: str) -> AccountSuspended:
    return AccountSuspended("the user is inactive", service=service, operation=operation, path=path)
