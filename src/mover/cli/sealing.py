"""`--seal-to`, `--open-with` and `--crypt`: keys and passwords from variables, files, or asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mover.cli.screen import err, words
from mover.cli.values import read_elsewhere, terminal_to_ask
from mover.errors import InvalidConfiguration
from mover.sealing.limits import DOES_NOT_APPLY, NO_VERSIONS
from mover.vault.secret import Secret
from mover.workplace.sealing import SealingChoice

_ASK = "ask"
_ELSEWHERE = ("@file:", "@env:")


def read_sealing(
    *,
    seal_to: tuple[str, ...],
    seal_names: bool,
    open_with: tuple[str, ...],
    crypt_to: str | None,
    crypt_from: str | None,
    versions: int,
) -> SealingChoice:
    """Read everything. Raises InvalidConfiguration that names what cannot be understood, and repeats no secret."""
    choice = SealingChoice(
        recipients=tuple(
            read_elsewhere("--seal-to", text).reveal() if text.startswith(_ELSEWHERE) else text
            for text in seal_to
        ),
        names=seal_names,
        crypt_to=_secret("--crypt-to", "password of rclone's crypt", crypt_to),
        open_with=tuple(
            _given("--open-with", "private key (AGE-SECRET-KEY-1...)", text) for text in open_with
        ),
        crypt_from=_secret("--crypt-from", "password of rclone's crypt", crypt_from),
    )
    choice.check()
    if versions and (choice.seals or choice.opens):
        raise InvalidConfiguration(f"--versions: {NO_VERSIONS}")
    return choice


def read_run_keys(
    *, open_with: Sequence[str], crypt_from: str | None, crypt_to: str | None
) -> dict[str, Secret]:
    """Read keys for runs of a server, by the names that its API has for them. Raises as `read_sealing` does."""
    keys = read_sealing(
        seal_to=(),
        seal_names=False,
        open_with=tuple(open_with),
        crypt_to=crypt_to,
        crypt_from=crypt_from,
        versions=0,
    )
    together = Secret("\n".join(key.reveal().strip("\r\n") for key in keys.open_with))
    given = {"open_with": together, "crypt_from": keys.crypt_from, "crypt_to": keys.crypt_to}
    return {name: key for name, key in given.items() if key}


def say_what_does_not_apply(choice: SealingChoice) -> None:
    """Name what a person may miss with sealed files."""
    if choice.seals:
        err().print(words("Files are sealed on their way:", "bold"))
        for sentence in DOES_NOT_APPLY:
            err().print(words(f"  {sentence}"))


def _secret(option: str, what: str, text: str | None) -> Secret | None:
    return _given(option, what, text) if text is not None else None


def _given(option: str, what: str, text: str) -> Secret:
    if text != _ASK:
        try:
            return read_elsewhere(option, text)
        except InvalidConfiguration as error:
            if text.startswith(_ELSEWHERE):
                raise
            raise InvalidConfiguration(f"{error.message}; or {_ASK}, to be asked for it") from None
    return Secret(_prompt()(f"{option}: {what}"))


def _prompt() -> Callable[[str], str]:
    if terminal_to_ask() is None:
        raise InvalidConfiguration("there is no terminal to ask at: write @env:VARIABLE or @file:PATH")

    def ask(text: str) -> str:
        import typer  # noqa: PLC0415 - loaded already by the command line

        return str(typer.prompt(text, hide_input=True, err=True))

    return ask
