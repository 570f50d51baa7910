"""Keys: the one that a person signs in with, and the server's, by which it is known again."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import asyncssh

from mover.errors import InvalidConfiguration, SignInFailed
from mover.vault.secret import Secret

_LARGEST_KEY_FILE = 64 * 1024


def load_private_key(given: Secret, passphrase: Secret | None) -> asyncssh.SSHKey:
    """Read a private key given as text or as the path of a file. Takes a while if it is encrypted: run it in a thread.

    Raises:
        InvalidConfiguration: It is no private key, or encrypted and no passphrase is given.
        SignInFailed: The passphrase does not open it.
    """
    text = given.reveal()
    data = text.encode() if "-----BEGIN" in text else _key_file(Path(text))
    if data.startswith(b"PuTTY-User-Key-File"):
        raise InvalidConfiguration(
            "private_key is in PuTTY's format; convert it with: puttygen KEY.ppk -O private-openssh -o KEY"
        )
    try:
        return asyncssh.import_private_key(data, passphrase.reveal() if passphrase else None)
    except asyncssh.KeyEncryptionError as error:
        raise SignInFailed("the passphrase does not open the private key") from error
    except asyncssh.KeyImportError as error:
        if "assphrase" in str(error):
            raise InvalidConfiguration("private_key is encrypted: give its passphrase") from error
        raise InvalidConfiguration("private_key is not a private key in OpenSSH or PEM form") from error


def load_host_key(pinned: str) -> asyncssh.SSHKey:
    """Read a pinned host key. Raises InvalidConfiguration."""
    try:
        return asyncssh.import_public_key(pinned)
    except asyncssh.KeyImportError as error:
        raise InvalidConfiguration("host_key is not a public key in OpenSSH form") from error


def host_key_text(key: asyncssh.SSHKey) -> str:
    """Return a public key in OpenSSH's one-line form, without comment."""
    return " ".join(key.export_public_key("openssh").decode().split()[:2])


def fingerprint(key: asyncssh.SSHKey) -> str:
    """Return what people compare: `SHA256:...`, as `ssh-keygen -l` prints it."""
    return key.get_fingerprint("sha256")


def _key_file(path: Path) -> bytes:
    with suppress(OSError, RuntimeError, ValueError), path.expanduser().open("rb") as file:
        return file.read(_LARGEST_KEY_FILE)
    # Not the path, nor a cause that tells it: it may be a key that was pasted without its first line.
    raise InvalidConfiguration("private_key is neither a private key nor the path of a readable file")
