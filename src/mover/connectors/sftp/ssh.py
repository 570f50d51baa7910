"""SSH connections: the server proves who it is, the person signs in, a session of SFTP begins.

Nothing of the machine's own SSH settings is read (`~/.ssh/config`, `known_hosts`, default keys): a connection means the
same on every machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import asyncssh

from mover.connectors.sftp.api import Sftp
from mover.connectors.sftp.config import SftpConfig
from mover.connectors.sftp.failures import error_from_ssh
from mover.connectors.sftp.keys import fingerprint, load_host_key, load_private_key
from mover.connectors.sftp.session import Session
from mover.errors import InvalidConfiguration, SignInFailed, TimedOut, UntrustedServer
from mover.transport.egress import Egress
from mover.vault.secret import Secret

# AES-GCM first: it runs on the processor's own instructions, at half the cost of ChaCha20; 256 bits cost no more than 128.
_ENCRYPTION = (
    "aes256-gcm@openssh.com",
    "aes128-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes256-ctr",
    "aes192-ctr",
    "aes128-ctr",
)
_HOST_KEYS = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)
_PREFERRED = ("publickey", "password", "keyboard-interactive")
_IGNORE = 2  # SSH_MSG_IGNORE, RFC 4253, section 11.2
_WINDOW = 32 << 20  # bytes; what comes is taken at once, and each half of it costs a packet to say so
_LARGEST_PACKET = 128 << 10
_KEEPALIVE_S = 30
_KEEPALIVES_UNANSWERED = 1 << 30  # silence is the session's business: a server may be busy computing a hash


@dataclass(frozen=True, eq=False)
class Link:
    """A signed-in connection with its SFTP session.

    Attributes:
        ssh: The connection.
        sftp: The calls.
        server: What the server calls itself (`OpenSSH_9.2p1`).
        home: The account's home folder, as the server spells it.
        round_trip_s: Seconds from a request to its answer, measured once.
    """

    ssh: asyncssh.SSHClientConnection
    sftp: Sftp
    server: str
    home: bytes
    round_trip_s: float

    def close(self) -> None:
        """Drop the connection."""
        self.sftp.session.close()
        self.ssh.abort()


class Dialler:
    """Makes connections for one account.

    Attributes:
        host_key: The key by which the server is known: pinned before, or that of the first connection.
    """

    def __init__(self, config: SftpConfig, egress: Egress) -> None:
        self._config = config
        self._egress = egress
        self._private_key: asyncssh.SSHKey | None = None
        self.host_key = load_host_key(config.host_key) if config.host_key else None

    async def dial(self) -> Link:
        """Connect and sign in.

        Raises SignInFailed, Unreachable, TimedOut, UntrustedServer, AddressRefused, InvalidConfiguration, Unsupported.
        """
        if self._config.private_key and self._private_key is None:
            self._private_key = await asyncio.to_thread(
                load_private_key, self._config.private_key, self._config.passphrase
            )
        async with _agent_keys(wanted=self._config.agent) as agent_keys:
            own_keys = [self._private_key] if self._private_key else []
            client = _Client(self._config.password, [*own_keys, *agent_keys], self.host_key)
            ssh = await self._connect(client)
        self.host_key = client.presented
        return await self._begin(ssh)

    async def _connect(self, client: _Client) -> asyncssh.SSHClientConnection:
        sock = await self._egress.connect(self._config.host, self._config.port)
        try:
            async with asyncio.timeout(self._egress.limits.read_s):
                return await asyncssh.connect(
                    sock=sock,
                    config=None,
                    client_factory=lambda: client,
                    username=self._config.username,
                    known_hosts=([], [], []),  # not None: the client below decides
                    server_host_key_algs=_host_key_algorithms(self.host_key),
                    x509_trusted_certs=None,
                    encryption_algs=_ENCRYPTION,
                    compression_algs=("none",),
                    preferred_auth=_PREFERRED,
                    client_keys=None,
                    agent_path=None,
                    pkcs11_provider=None,
                    gss_host=None,
                    host_based_auth=False,
                    keepalive_interval=_KEEPALIVE_S,
                    keepalive_count_max=_KEEPALIVES_UNANSWERED,
                )
        except BaseException as error:
            sock.close()
            raise self._explained(error, client) from error

    def _explained(self, error: BaseException, client: _Client) -> BaseException:
        """Return what a failed connection means; errors that are not SSH's are returned as they are."""
        match error:
            case asyncssh.HostKeyNotVerifiable():
                return self._distrust(client.presented, str(error))
            case asyncssh.PermissionDenied() if client.password_has_expired:
                return SignInFailed("the password has expired and must be changed at the server")
            case TimeoutError():
                return TimedOut("the server did not finish the sign-in in time")
            case asyncssh.Error() | OSError() | UnicodeError():
                return error_from_ssh(error)
            case ValueError():  # asyncssh prepares user names by RFC 4013
                return InvalidConfiguration("username has characters that SSH does not allow")
        return error

    def _distrust(self, presented: asyncssh.SSHKey | None, said: str) -> UntrustedServer:
        if presented is None or self.host_key is None:
            return UntrustedServer("the server has no host key that could be trusted", said=said)
        return UntrustedServer(
            f"the server's host key has changed from {fingerprint(self.host_key)} "
            f"to {fingerprint(presented)}; nothing was sent to it"
        )

    async def _begin(self, ssh: asyncssh.SSHClientConnection) -> Link:
        _send_nothing_in_vain(ssh)
        server = str(ssh.get_extra_info("server_version", "")).removeprefix("SSH-2.0-")
        try:
            session = Session(silence_s=self._egress.limits.read_s)
            async with asyncio.timeout(self._egress.limits.read_s):
                await ssh.create_session(
                    lambda: session,
                    subsystem="sftp",
                    encoding=None,
                    window=_WINDOW,
                    max_pktsize=_LARGEST_PACKET,
                )
            sftp = Sftp(session)
            await session.greet()
            await sftp.learn_limits(server)
            asked = time.monotonic()
            home = await sftp.resolve(b".")
            round_trip_s = time.monotonic() - asked
        except TimeoutError as error:
            ssh.abort()
            raise TimedOut("the server did not open an SFTP session in time") from error
        except (asyncssh.Error, OSError) as error:
            ssh.abort()
            raise error_from_ssh(error) from error
        except BaseException:
            ssh.abort()
            raise
        return Link(ssh, sftp, server, home, round_trip_s)


class _Client(asyncssh.SSHClient):
    """Answers what comes up while a connection is made.

    Attributes:
        presented: The host key that the server showed.
        password_has_expired: The server accepts the password only to change it.
    """

    def __init__(
        self,
        password: Secret | None,
        keys: Sequence[asyncssh.SSHKey | asyncssh.SSHKeyPair],
        expected: asyncssh.SSHKey | None,
    ) -> None:
        self.presented: asyncssh.SSHKey | None = None
        self.password_has_expired = False
        self._passwords = [password] if password else []
        self._prompted = list(self._passwords)
        self._keys = list(keys)
        self._expected = expected

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:  # noqa: ARG002
        self.presented = key
        return self._expected is None or key == self._expected

    def public_key_auth_requested(self) -> Sequence[asyncssh.SSHKey | asyncssh.SSHKeyPair] | None:
        return [self._keys.pop(0)] if self._keys else None

    def password_auth_requested(self) -> str | None:
        return self._passwords.pop().reveal() if self._passwords else None

    def password_change_requested(self, prompt: str, lang: str) -> Any:  # noqa: ARG002
        self.password_has_expired = True
        return NotImplemented

    def kbdint_auth_requested(self) -> str | None:
        return "" if self._prompted else None

    def kbdint_challenge_received(
        self,
        name: str,  # noqa: ARG002
        instructions: str,  # noqa: ARG002
        lang: str,  # noqa: ARG002
        prompts: Sequence[tuple[str, bool]],
    ) -> Sequence[str] | None:
        """Answer one hidden prompt with the password; there may be rounds without any prompt."""
        if not prompts:
            return []
        _, is_echoed = prompts[0]
        if len(prompts) > 1 or is_echoed or not self._prompted:
            return None
        return [self._prompted.pop().reveal()]


def _send_nothing_in_vain(ssh: asyncssh.SSHClientConnection) -> None:
    """Leave out the empty packet that asyncssh sends before each other one.

    It is a measure against a weakness of ciphers in CBC mode (RFC 4251, section 9.3.1), none of which is ever agreed on
    here, and costs as much as a small packet of use: a third of the processor time of uploads in blocks of 32 KiB.
    """
    send = ssh.send_packet

    def send_packet(pkttype: int, *args: bytes, handler: Any = None) -> None:
        if pkttype != _IGNORE:
            send(pkttype, *args, handler=handler)

    ssh.send_packet = send_packet  # type: ignore[method-assign] # asyncssh has no option for it


def _host_key_algorithms(pinned: asyncssh.SSHKey | None) -> Sequence[str]:
    """Put the pinned key's own kind first, so that a server that got a key of another kind as well shows the old one."""
    own = [name.decode() for name in pinned.sig_algorithms] if pinned else []
    return [*(name for name in _HOST_KEYS if name in own), *(name for name in _HOST_KEYS if name not in own)]


@contextlib.asynccontextmanager
async def _agent_keys(*, wanted: bool) -> AsyncIterator[Sequence[asyncssh.SSHKeyPair]]:
    if not wanted:
        yield []
        return
    try:
        agent = await asyncssh.connect_agent()
    except (OSError, asyncssh.Error) as error:
        raise SignInFailed(
            "there is no SSH agent to sign in with (SSH_AUTH_SOCK)", said=str(error)
        ) from error
    try:
        yield await _keys_of(agent)
    finally:
        agent.close()


async def _keys_of(agent: asyncssh.SSHAgentClient) -> Sequence[asyncssh.SSHKeyPair]:
    try:
        return await agent.get_keys()
    except ValueError as error:
        raise SignInFailed("the SSH agent does not hand out its keys", said=str(error)) from error
