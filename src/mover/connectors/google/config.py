"""What a person fills in to connect Google Drive, and an administrator to connect all users of a domain."""

from __future__ import annotations

from pydantic import field_validator

from mover.connectors.browser_sign_in import BrowserSignInConfig
from mover.connectors.configuration import ConnectorConfig, Reach, setting
from mover.vault.secret import Secret

_READ_ONLY = "true asks Google for no more than reading: enough for a source"
_CONVERT = "true turns Word, Excel and PowerPoint files into Google documents as they arrive"

_SHORTCUTS = "true moves the files that shortcuts point to in the places of the shortcuts (re-runs then list everything)"
_MAKE_SHORTCUTS = "true makes shortcuts anew at this destination, to what was moved with them"


class GoogleConfig(BrowserSignInConfig):
    """Keys of `mover connect google NAME`."""

    read_only: bool = setting(False, help=_READ_ONLY)
    convert: bool = setting(False, help=_CONVERT)
    shortcuts: bool = setting(False, help=_SHORTCUTS)
    make_shortcuts: bool = setting(False, help=_MAKE_SHORTCUTS)
    shared_with_me: bool = setting(
        False, help="true also shows what others have shared with the account, under /Shared with me"
    )
    orphans: bool = setting(
        False, help="true also shows the account's files that stand in no folder, under /Orphans"
    )


class GoogleAdminConfig(ConnectorConfig):
    """Keys of `mover connect google-admin NAME`."""

    service_account: Secret = setting(
        help="JSON key of a service account with domain-wide delegation, or the path of its file",
        ask=True,
        reach=Reach.JSON_KEY_FILE,
    )
    admin: str = setting(
        help="address of an administrator of the domain, in whose name users are listed", ask=True
    )
    read_only: bool = setting(False, help=_READ_ONLY)
    convert: bool = setting(False, help=_CONVERT)
    shortcuts: bool = setting(False, help=_SHORTCUTS)
    make_shortcuts: bool = setting(False, help=_MAKE_SHORTCUTS)

    @field_validator("admin")
    @classmethod
    def _is_address(cls, admin: str) -> str:
        name, _, domain = admin.rpartition("@")
        if not name or not domain or any(ord(c) <= ord(" ") or c in "!/" for c in admin):
            raise ValueError("expected an e-mail address")
        return admin.lower()
