"""Google Drive: My Drive and shared drives of one account, or of all users of a domain.

config.py          what to fill in
sign_in.py         tokens: of a person, or of a service account that acts for the users of a domain
acting.py          in whose name a call is made
connector.py       the contract, for both forms
addresses.py, tree.py          ids and paths
listing.py, shared_listings.py, folders.py     folders; many with one call
rearranging.py     making folders, renaming, times
taken.py, placing.py           names that are taken, files that changed: Drive itself prevents nothing
uploads.py, sessions.py, parts.py, part_state.py, ids.py   sending
reading.py, versions.py        content, exports, revisions
permissions.py, batches.py, changes.py, places.py
api.py, calls.py, answers.py   the calls, typed
describing.py, documents.py, times.py          from Google's words to entries
faults.py          refusals
"""

import time

from mover.connectors.google.acting import Domain, ExplainedRefusals, OneAccount
from mover.connectors.google.addresses import DRIVES, ORPHANS, SHARED, USERS
from mover.connectors.google.api import DriveApi
from mover.connectors.google.calls import DIRECTORY_HOST, HOSTS, Calls
from mover.connectors.google.config import GoogleAdminConfig, GoogleConfig
from mover.connectors.google.connector import GoogleConnector
from mover.connectors.google.sign_in import OAUTH, assertion_fetch
from mover.connectors.registry import ConnectorType, Surroundings
from mover.transport.destinations import always, https
from mover.transport.oauth.app_tokens import AppTokens
from mover.transport.oauth.bearer import BearerSession
from mover.transport.oauth.user_tokens import user_tokens

SERVICE = "google"
ADMIN_SERVICE = "google-admin"


def _make(config: GoogleConfig, surroundings: Surroundings) -> GoogleConnector:
    http = surroundings.egress.http(SERVICE)
    own = [DRIVES, *([SHARED] if config.shared_with_me else []), *([ORPHANS] if config.orphans else [])]
    session = BearerSession(http, user_tokens(OAUTH, config, surroundings, http))
    return GoogleConnector(
        SERVICE,
        http,
        session,
        lambda _: OneAccount(),
        own=own,
        convert=config.convert,
        shortcuts=config.shortcuts,
        make_shortcuts=config.make_shortcuts,
    )


def _make_admin(config: GoogleAdminConfig, surroundings: Surroundings) -> GoogleConnector:
    http = surroundings.egress.http(ADMIN_SERVICE)
    fetch = assertion_fetch(config, http)
    directory = DriveApi(Calls(BearerSession(http, AppTokens(fetch, time.time)), ADMIN_SERVICE))
    tokens = AppTokens(ExplainedRefusals(fetch, config.admin, directory), time.time)

    def acting(api: DriveApi) -> Domain:
        return Domain(api, tokens, config.admin)

    return GoogleConnector(
        ADMIN_SERVICE,
        http,
        BearerSession(http, tokens),
        acting,
        own=[USERS, DRIVES],
        convert=config.convert,
        shortcuts=config.shortcuts,
        make_shortcuts=config.make_shortcuts,
    )


CONNECTOR_TYPE = ConnectorType(
    name=SERVICE,
    title="Google Drive",
    config=GoogleConfig,
    make=_make,
    oauth=OAUTH,
    reaches=always(*https(*HOSTS)),
)
ADMIN_TYPE = ConnectorType(
    name=ADMIN_SERVICE,
    title="Google Workspace (all users)",
    config=GoogleAdminConfig,
    make=_make_admin,
    reaches=always(*https(*HOSTS, DIRECTORY_HOST)),
)

__all__ = ["ADMIN_TYPE", "CONNECTOR_TYPE", "GoogleAdminConfig", "GoogleConfig"]
