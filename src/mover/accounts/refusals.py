"""What people and API clients are told when they may not: the errors of `mover.errors` with advice that fits here."""

from __future__ import annotations

from mover.errors import Conflict, InvalidConfiguration, NotFound, PermissionDenied, SignInFailed, Throttled


class MayNot(PermissionDenied):
    """The actor's role or key does not allow this."""

    advice = "Ask an owner or administrator of your organisation."


class RecentSignInNeeded(PermissionDenied):
    """This act asks for a sign-in of the last minutes."""

    advice = "Confirm that it is you, then do it again."


class SignInRefused(SignInFailed):
    """Nobody is signed in by what was presented: wrong, expired, used up or revoked."""

    advice = "Sign in again. If you do not know the password any more, ask for a new one by mail."


class KeyRefused(SignInFailed):
    """An API key is not accepted."""

    advice = "Check the key; an administrator of the organisation sees in the list of keys whether it is still valid."


class TooManyAttempts(Throttled):
    """Too many attempts; `retry_after_s` says when the next one is looked at."""

    advice = "Wait for as long as is said, then try again."


class NoSuchThing(NotFound):
    """It is not there, or belongs to another organisation."""

    advice = "Look at the list again; it may have been removed meanwhile."


class NotPossible(Conflict):
    """The state of things does not allow it (the last owner, an address that is taken)."""

    advice = "Change what the message names first."


class NotAcceptable(InvalidConfiguration):
    """What a person filled in cannot be taken (a weak password, a malformed address)."""

    advice = "Correct what the message names."
