"""Signing in as one of the staff at a terminal: address, password and a code, for the time of one command."""

from __future__ import annotations

import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import typer

from mover.accounts.records import Client
from mover.accounts.refusals import MayNot
from mover.cli.values import read_elsewhere
from mover.errors import InvalidConfiguration
from mover.staff.assembly import Staff
from mover.staff.records import StaffMember, Step
from mover.vault.secret import Secret


@dataclass(frozen=True)
class Credentials:
    """Who somebody says that they are, and what shows it."""

    email: str
    password: Secret
    code: str


def asked(email: str | None, password: str | None, code: str | None) -> Credentials:
    """Take what was given, and ask for the rest.

    Args:
        email: Of a member of the staff.
        password: `@env:VARIABLE` or `@file:PATH`.
        code: Of the authenticator app.

    Raises InvalidConfiguration: something is missing and there is no terminal to ask at.
    """
    given = read_elsewhere("--password", password) if password is not None else None
    return Credentials(
        email if email is not None else _ask("--as", "Mail address of your staff account"),
        given if given is not None else Secret(_ask("--password", "Password", hidden=True)),
        code if code is not None else _ask("--code", "Code of your authenticator app"),
    )


@asynccontextmanager
async def signed_in(staff: Staff, credentials: Credentials) -> AsyncIterator[StaffMember]:
    """Be signed in for the time of the block.

    Raises SignInFailed, Throttled, and PermissionDenied where a first sign-in at the pages has to come before.
    """
    client = Client("local", f"the command line on {socket.gethostname()[:80]}")
    entrance = await staff.sign_in.with_password(credentials.email, credentials.password, client)
    if entrance.signed_in.step is not Step.CODE:
        await staff.sessions.end(entrance.signed_in)
        raise MayNot("sign in at the staff's pages first, to set up an authenticator app")
    entrance = await staff.sign_in.with_code(entrance.signed_in, credentials.code, client)
    try:
        if entrance.signed_in.step is not None:
            raise MayNot("sign in at the staff's pages first, to choose a password that nobody else knows")
        yield entrance.signed_in.member
    finally:
        await staff.sessions.end(entrance.signed_in)


def _ask(option: str, question: str, *, hidden: bool = False) -> str:
    if not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
        raise InvalidConfiguration(f"{option} is missing, and there is no terminal to ask at")
    return str(typer.prompt(question, hide_input=hidden, err=True))
