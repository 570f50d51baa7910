"""An authenticator app that somebody has set up."""

from __future__ import annotations

import pyotp
from tests.accounts.house import House

from mover.vault.secret import Secret


class App:
    """An authenticator app."""

    def __init__(self, house: House, secret: Secret, recovery_codes: list[Secret]) -> None:
        self._house = house
        self._totp = pyotp.TOTP(secret.reveal())
        self.recovery_codes = recovery_codes

    def code(self, offset_s: int = 0) -> str:
        return self._totp.at(int(self._house.clock.at) + offset_s)


async def with_app(house: House) -> App:
    """Set an app up for the founder; half a minute has passed since its first code."""
    signed_in = await house.sign_in()
    setup = await house.accounts.second_factors.begin_totp(signed_in)
    app = App(house, setup.secret, [])
    app.recovery_codes = await house.accounts.second_factors.finish_totp(signed_in, app.code())
    house.clock.at += 30
    return app
