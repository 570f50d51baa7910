"""The way to an FTP server, within the address rules and through the operator's proxy."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aiohappyeyeballs import AddrInfoType

from mover.errors import TimedOut, Unreachable
from mover.transport.addresses import AddressRules
from mover.transport.causes import cause
from mover.transport.ftp_access import FtpAccess, FtpRoute
from mover.transport.proxy import Proxy

if TYPE_CHECKING:
    from mover.transport.ftp_link import FtpLink


class FtpDoor:
    """Opens connections to one account. Made by `Egress.ftp`.

    Args:
        access: The account.
        rules: Where connections may go.
        proxy: Through which they go; None: directly.
    """

    def __init__(self, access: FtpAccess, rules: AddressRules, proxy: Proxy | None) -> None:
        self._access = access
        self._rules = rules
        self._proxy = proxy

    async def dial(self, openings: tuple[bytes, ...] = ()) -> FtpLink:
        """Connect, sign in, and say `openings` whatever is answered to them.

        The name is resolved here, once, and control and data connections go to what was found and nowhere else.
        Raises AddressRefused, Unreachable, TimedOut, UntrustedServer, SignInFailed, InvalidConfiguration, and
        `Refusal` if the server refuses to let the account in.
        """
        # libcurl is loaded by those who use it.
        from mover.transport.curl import FtpWire  # noqa: PLC0415 - as above
        from mover.transport.ftp_link import FtpLink  # noqa: PLC0415 - as above

        wire = FtpWire(self._access, await self._route())
        wire.openings = openings
        link = FtpLink(wire)
        try:
            await link.run(FtpWire.connect)
        except BaseException:
            link.close()
            raise
        return link

    async def _route(self) -> FtpRoute:
        access, proxy = self._access, self._proxy
        try:
            async with asyncio.timeout(access.limits.connect_s):
                if proxy is None:
                    found: Sequence[AddrInfoType] = await self._rules.resolve(access.host, access.port)
                    name = self._rules.for_proxy(access.host)
                else:
                    name = self._rules.for_proxy(access.host)
                    found = await asyncio.get_running_loop().getaddrinfo(
                        proxy.host, proxy.port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
                    )
        except TimeoutError as error:
            raise TimedOut(f"the name {access.host} was not found within the limit") from error
        except OSError as error:
            raise Unreachable(f"the proxy's address cannot be found: {cause(error)}") from error
        addresses = tuple(dict.fromkeys(str(where[0]) for *_, where in found))
        return FtpRoute(host=name, proxy=proxy, addresses=addresses)
