"""Whose account it may be that somebody signed in to: the wrong one is chosen quickly where a browser offers several."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from mover.connectors.contract import Account
from mover.errors import SignInFailed


class WrongAccount(SignInFailed):
    """Somebody signed in, but not with an account that is wanted here."""

    advice = "Sign in anew, and choose another account at the service's page."


def expect_wanted(config: Any, account: Account, domains: Collection[str] = ()) -> None:
    """Check an account against what its connection wants, and what the operator allows.

    Args:
        config: Of the connection; looked at for `allowed_domain` and `allowed_tenant`.
        account: That is signed in.
        domains: Mail domains that the operator allows, in lower case; empty: any.

    Raises WrongAccount, also where the service does not tell what is asked for.
    """
    domain = account.email.rpartition("@")[2].lower()
    wanted = getattr(config, "allowed_domain", None)
    if wanted and domain != wanted.lower():
        raise WrongAccount(f"{_shown(account)} is not an account of {wanted}")
    if domains and domain not in domains:
        raise WrongAccount(
            f"{_shown(account)} is not of a mail domain that the operator allows: {', '.join(domains)}"
        )
    tenant = getattr(config, "allowed_tenant", None)
    if tenant and account.tenant.lower() != tenant.lower():
        raise WrongAccount(f"{_shown(account)} is not an account of the organisation {tenant}")


def _shown(account: Account) -> str:
    return account.email or account.description
