"""`mover report verify`: a signed reconciliation is checked by itself, without settings, database or network."""

from __future__ import annotations

from pathlib import Path

from mover.cli.codes import ALL_WELL, SOME_FAILED
from mover.cli.screen import err, out, print_json, words
from mover.errors import InvalidConfiguration
from mover.reports.reconciliation import NotAReconciliation, Verdict, check, read_lines
from mover.vault.signing import read_public_key


def verify_file(file: Path, key: str | None, *, machine: bool) -> int:
    """Check a file and say what came of it. Returns 0 or 1.

    Raises InvalidConfiguration: there is no such file, it is no reconciliation, or the key is none.
    """
    try:
        expected = read_public_key(key) if key is not None else None
    except ValueError as error:
        raise InvalidConfiguration(f"--key: {error}") from None
    try:
        with file.open("rb") as stream:
            verdict = check(read_lines(stream), expected)
    except OSError as error:
        raise InvalidConfiguration(f"{file} cannot be read: {error.strerror}") from None
    except NotAReconciliation as error:
        raise InvalidConfiguration(f"{file}: {error}") from None
    if machine:
        print_json(_object(verdict, pinned=expected is not None))
    else:
        _tell(file, verdict, pinned=expected is not None)
    return ALL_WELL if verdict.intact else SOME_FAILED


def _object(verdict: Verdict, *, pinned: bool) -> dict[str, object]:
    return {
        "intact": verdict.intact,
        "problem": verdict.problem,
        "line": verdict.line or None,
        "items": verdict.items,
        "signed": verdict.signed or None,
        "key_id": verdict.key_id,
        "public_key": verdict.public_key,
        "key_was_given": pinned,
        "run": dict(verdict.run),
    }


def _tell(file: Path, verdict: Verdict, *, pinned: bool) -> None:
    if not verdict.intact:
        err().print(
            words(f"{file} is not as it was signed: line {verdict.line}: {verdict.problem}", "bold red")
        )
        return
    out().print(words(f"{file} is as it was signed: {verdict.items:,} items, {verdict.signed}", "green"))
    for name in ("source", "destination"):
        out().print(words(f"  {name}: {verdict.run.get(name, '')}"))
    out().print(words(f"  key: {verdict.key_id}"))
    if not pinned:
        out().print(
            words(
                f"  public key: {verdict.public_key}; compare it with the one that your Mover publishes, or give it as --key"
            )
        )
