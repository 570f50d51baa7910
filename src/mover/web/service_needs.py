"""What an administrator makes at a service before all of an organisation can be connected; docs/services has it step by step."""

from __future__ import annotations

_NEEDS = {
    "office365": (
        "Register an app in your tenant, with an administrator's consent to these application permissions of Microsoft Graph:",
        ("Files.ReadWrite.All", "Sites.ReadWrite.All", "User.Read.All"),
        "For a source Files.Read.All, Sites.Read.All and User.Read.All are enough.",
    ),
    "google-admin": (
        "Make a service account with a JSON key, and delegate these scopes to it for your whole domain:",
        (
            "https://www.googleapis.com/auth/drive",
            "https://www.googleapis.com/auth/admin.directory.user.readonly",
        ),
        "For a source tick “Read only” and delegate drive.readonly in place of drive.",
    ),
    "box-enterprise": (
        "Make a custom app with “App + Enterprise Access” and as-user calls, give it these scopes, and have it authorized:",
        ("Write all files and folders", "Manage users", "Manage groups"),
        "Fill in either its client ID, its secret and the enterprise's ID, or its JSON configuration.",
    ),
}


def service_needs(service: str) -> tuple[str, tuple[str, ...], str] | None:
    """What is to be made, what it has to be allowed, and what else to know; None where people sign in as themselves."""
    return _NEEDS.get(service)
