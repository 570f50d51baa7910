"""A process of its own that uses a vault: told by lines on standard input what to do, and answers with a line each.

The first line is the URL of its database, which may hold a password and so is no argument.

python -m tests.vault.worker KEY,KEY,... [SECONDS THAT ITS CLOCK IS AHEAD]
"""

from __future__ import annotations

import asyncio
import http.client
import os
import signal
import sys
import time
from pathlib import Path

from mover.database.database import Database
from mover.errors import MoverError, SignInFailed
from mover.vault.providers import EnvironmentKeyProvider, FileKeyProvider, KeyProvider
from mover.vault.secret import Secret
from mover.vault.vault import Vault

PERSON, OWNER = "organisation:1", "connection:1"
FIELDS = ("access", "refresh")


async def ask(port: int, token: str) -> str:
    def post() -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("POST", "/", token)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text

    status, number = await asyncio.to_thread(post)
    if status != 200:
        raise SignInFailed("the refresh token is used up")
    return number


async def refresh(vault: Vault, port: int, stale: str, *, dies: bool) -> str:
    async def exchange(present: dict[str, Secret]) -> dict[str, Secret]:
        number = await ask(port, present["refresh"].reveal())
        if dies:
            os.kill(os.getpid(), signal.SIGKILL)  # between the answer and its being stored
        return {"access": Secret(f"access-{number}"), "refresh": Secret(f"refresh-{number}")}

    found = await vault.refresh(PERSON, OWNER, FIELDS, exchange, lambda now: now["access"].reveal() != stale)
    return found["access"].reveal()


async def churn(vault: Vault, name: str, rounds: int) -> str:
    """Store, read back, and change keys, over and over."""
    for number in range(rounds):
        person = f"person:{name}-{number % 7}"
        await vault.store(person, OWNER, "password", Secret(f"{name} {number}"))
        if number % 5 == 0:
            await vault.rotate_person(person)
        if (found := (await vault.fetch(person, OWNER, "password")).reveal()) != f"{name} {number}":
            raise AssertionError(found)
        await vault.fetch(f"person:{number % 300:04}", OWNER, "password")
    return "churned"


async def work(keys: str, ahead_s: float) -> None:
    opened = await Database.open(sys.stdin.readline().strip())
    preferred, *previous = [_provider(key) for key in keys.split(",")]
    vault = Vault(opened, preferred, previous=previous, now=lambda: time.time() + ahead_s)
    print("ready", flush=True)  # noqa: T201 - this is how it talks
    while line := (await asyncio.to_thread(sys.stdin.readline)).split():
        try:
            match line:
                case ["refresh", port, stale]:
                    said = await refresh(vault, int(port), stale, dies=False)
                case ["refresh-and-die", port, stale]:
                    said = await refresh(vault, int(port), stale, dies=True)
                case ["churn", name, rounds]:
                    said = await churn(vault, name, int(rounds))
                case ["rotate", key]:
                    said = f"rotated {await vault.rotate_global(_provider(key))}"
                case ["rotate-and-die", key, count]:
                    await vault.rotate_global(_provider(key), progress=lambda done: _die_at(int(count), done))
                    said = "it should not live"
                case _:
                    raise AssertionError(line)
        except MoverError as error:
            said = f"{type(error).__name__}: {error}"
        print(said, flush=True)  # noqa: T201 - likewise
    await opened.close()


def _die_at(count: int, done: int) -> None:
    if done >= count:
        os.kill(os.getpid(), signal.SIGKILL)


def _provider(spelled: str) -> KeyProvider:
    """A key as hexadecimal digits, or the path of its file."""
    return FileKeyProvider(Path(spelled)) if "/" in spelled else EnvironmentKeyProvider(Secret(spelled))


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 0.0))
