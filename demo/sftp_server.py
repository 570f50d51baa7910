"""An SFTP server on loopback, from asyncssh: `python -m demo.sftp_server PORT ROOT PASSWORD_FILE`."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import asyncssh

USERNAME = "alice"


class _Account(asyncssh.SSHServer):
    """One user with a password."""

    def __init__(self, password: str) -> None:
        self._password = password

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (USERNAME, self._password)


async def _serve(port: int, root: str, password: str) -> None:
    def sftp(channel: asyncssh.SSHServerChannel[bytes]) -> asyncssh.SFTPServer:
        return asyncssh.SFTPServer(channel, chroot=os.fsencode(root))

    await asyncssh.listen(
        "127.0.0.1",
        port,
        server_factory=lambda: _Account(password),
        server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
        sftp_factory=sftp,
    )
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]).read_text()))
