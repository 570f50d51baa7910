"""What a person fills in to connect a Dropbox account or a Dropbox team."""

from __future__ import annotations

from mover.connectors.browser_sign_in import BrowserSignInConfig
from mover.connectors.configuration import setting


class DropboxConfig(BrowserSignInConfig):
    """One account."""

    team_space: bool = setting(
        False,
        help="begin at the top of the team's space, where team folders stand beside the account's own folder",
    )


class DropboxBusinessConfig(BrowserSignInConfig):
    """All accounts and team folders of a team, by a team app that an administrator has signed in to."""
