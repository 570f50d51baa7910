"""As what the operator has registered Mover at the vendors."""

from __future__ import annotations

from collections.abc import Mapping

from mover.settings import VENDORS, Settings
from mover.transport.oauth.description import AppRegistration


def apps_from_settings(settings: Settings) -> Mapping[str, AppRegistration]:
    """The registrations, by vendor; one whose client id is not set is not among them."""
    return {
        vendor: AppRegistration(
            client_id=client_id, client_secret=getattr(settings, f"{vendor}_client_secret")
        )
        for vendor in VENDORS
        if (client_id := getattr(settings, f"{vendor}_client_id"))
    }
