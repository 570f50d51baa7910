"""SoftHSM: a PKCS#11 token in files."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pkcs11
from tests.servers.processes import tool

USER_PIN = "4711-canary-pin"
_OFFICER_PIN = "officer-pin"
_MODULES = (Path("/usr/lib/softhsm/libsofthsm2.so"), Path("/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"))


@dataclass(frozen=True)
class SoftHsm:
    """A folder of tokens. One for a process: the module reads its settings (SOFTHSM2_CONF) once."""

    folder: Path
    module: Path

    def make_token(self, label: str) -> None:
        """Make a token with a user."""
        subprocess.run(
            [
                tool("softhsm2-util"),
                "--init-token",
                "--free",
                *("--label", label, "--so-pin", _OFFICER_PIN, "--pin", USER_PIN),
            ],
            env={"SOFTHSM2_CONF": str(self.folder / "softhsm2.conf"), "PATH": os.defpath},
            check=True,
            capture_output=True,
        )
        if (loaded := pkcs11._loaded.get(str(self.module))) is not None:  # no other way to ask
            loaded.reinitialize()

    def make_key(self, token: str, label: str, *, extractable: bool = False, bits: int = 256) -> None:
        """Make an AES key."""
        with self._open(token) as session:
            session.generate_key(
                pkcs11.KeyType.AES,
                bits,
                label=label,
                store=True,
                template={
                    pkcs11.Attribute.EXTRACTABLE: extractable,
                    pkcs11.Attribute.SENSITIVE: not extractable,
                },
            )

    def remove_key(self, token: str, label: str) -> None:
        """Destroy a key."""
        with self._open(token) as session:
            session.get_key(label=label).destroy()

    def _open(self, token: str) -> Any:
        found = pkcs11.lib(str(self.module)).get_token(token_label=token)
        try:
            return found.open(rw=True, user_pin=USER_PIN)
        except pkcs11.UserAlreadyLoggedIn:
            return found.open(rw=True)


def soft_hsm(folder: Path) -> SoftHsm:
    """Lay out a folder for tokens; SOFTHSM2_CONF has to name its `softhsm2.conf` before the module is loaded.

    Raises FileNotFoundError: `tests/servers/install.sh` has not been run.
    """
    (folder / "tokens").mkdir(parents=True)
    (folder / "softhsm2.conf").write_text(
        f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n"
    )
    module = next((path for path in _MODULES if path.exists()), None)
    if module is None:
        raise FileNotFoundError("SoftHSM is not installed; run tests/servers/install.sh")
    return SoftHsm(folder, module)
