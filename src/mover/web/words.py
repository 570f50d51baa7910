"""What codes and kinds are called on pages, with the colour and the sign that go with them; each in one place."""

from __future__ import annotations

import re

from mover.accounts.actor import Permission, Role
from mover.errors import Reason
from mover.web.action_words import ACTION_WORDS

_TONES = {
    "new": "idle",
    "queued": "idle",
    "scanning": "active",
    "running": "active",
    "paused": "warn",
    "success": "good",
    "some_problems": "warn",
    "failed": "bad",
    "canceled": "idle",
}
_STATUS_ICONS = {
    "new": "circle-dashed",
    "queued": "clock",
    "scanning": "search-check",
    "running": "loader-circle",
    "paused": "circle-pause",
    "success": "circle-check",
    "some_problems": "triangle-alert",
    "failed": "circle-x",
    "canceled": "ban",
}
_SERVICE_ICONS = {
    "ftp": "server",
    "ftps": "server",
    "sftp": "server",
    "local": "hard-drive",
    "mysql": "database",
    "s3": "cloud",
    "swift": "cloud",
    "webdav": "globe",
    "google": "cloud",
    "google-admin": "users",
    "onedrive": "cloud",
    "sharepoint": "cloud",
    "office365": "users",
    "dropbox": "cloud",
    "dropbox-business": "users",
    "box": "cloud",
    "box-enterprise": "users",
    "egnyte": "cloud",
}
_SERVICE_LEADS = {
    "ftp": "A file server without encryption. Choose FTPS or SFTP where you can.",
    "ftps": "A file server with TLS.",
    "sftp": "A server that you reach by SSH.",
    "local": "A folder of the machine that Mover runs on.",
    "mysql": "Databases as folders, tables as files.",
    "s3": "Amazon S3, or any service that speaks like it.",
    "swift": "Containers of one account.",
    "webdav": "Nextcloud, ownCloud and plain WebDAV.",
    "google": "My Drive and the shared drives of one account.",
    "google-admin": "The drives of all users of a domain, by a service account.",
    "onedrive": "The OneDrive of one account, at work or personal.",
    "sharepoint": "The sites and libraries that one account can see.",
    "office365": "All users' OneDrives and all sites, by an app of the tenant.",
    "dropbox": "One account.",
    "dropbox-business": "Team folders and all members, by an administrator.",
    "box": "One account.",
    "box-enterprise": "All users of an enterprise, by an app.",
    "egnyte": "The shared and private folders of a domain.",
}
_ITEM_STATES = {
    "held": "Waiting",
    "planned": "Planned",
    "sending": "Being moved",
    "copied": "Copied",
    "replaced": "Replaced",
    "created": "Created",
    "renamed": "Renamed",
    "unchanged": "Unchanged",
    "already_there": "Was there already",
    "excluded": "Left out",
    "left_alone": "Left alone",
    "unsupported": "Not supported",
    "conflict": "Conflict",
    "failed": "Failed",
}
_ITEM_TONES = {
    "held": "idle",
    "planned": "idle",
    "sending": "active",
    "copied": "good",
    "replaced": "good",
    "created": "good",
    "renamed": "good",
    "unchanged": "idle",
    "already_there": "idle",
    "excluded": "idle",
    "left_alone": "idle",
    "unsupported": "warn",
    "conflict": "warn",
    "failed": "bad",
}
_VERIFICATIONS = {
    "hash": "Content hash",
    "read_back": "Read back and compared",
    "altered": "Altered by the destination",
    "size": "Size only",
    "size_and_time": "Size and time",
    "earlier": "Verified by an earlier run",
    "exists": "Folder exists",
}
_GRANT_STATES = {
    "planned": "To be given",
    "given": "Given",
    "already_there": "There already",
    "taken_back": "Taken back",
    "listed": "Only listed",
    "dropped": "Dropped",
    "not_there": "Its entry did not arrive",
    "wider": "Would see too much",
    "unsupported": "Not supported",
    "failed": "Failed",
}
_REASONS = {
    Reason.THROTTLED: "The service asked for fewer calls",
    Reason.UNREACHABLE: "Could not be reached",
    Reason.TIMED_OUT: "No answer in time",
    Reason.SERVICE_FAULT: "The service failed",
    Reason.LOCKED: "In use by somebody else",
    Reason.CHANGED_WHILE_READ: "Changed during the move",
    Reason.HASH_MISMATCH: "Damaged on the way",
    Reason.MISSING_DEPENDENCY: "Needs something that is not there",
    Reason.GONE: "Gone",
    Reason.CONFLICT: "Something else is there",
    Reason.SIGN_IN_FAILED: "Signing in failed",
    Reason.TOKEN_EXPIRED: "Had to sign in anew",
    Reason.ACCOUNT_SUSPENDED: "The account is suspended",
    Reason.USER_NOT_FOUND: "Nobody of that name there",
    Reason.PERMISSION_DENIED: "Not allowed",
    Reason.WOULD_BE_WIDER: "More people would see it than at the source",
    Reason.QUOTA: "The destination is full",
    Reason.API_QUOTA: "The day's calls are used up",
    Reason.NAME_REJECTED: "Name not accepted",
    Reason.NAME_COLLISION: "Two entries with the same name",
    Reason.PATH_TOO_LONG: "Path too long",
    Reason.TOO_LARGE: "Too large for the destination",
    Reason.UNSUPPORTED: "Not supported",
    Reason.UNSUPPORTED_TYPE: "Kind of file not supported",
    Reason.NOT_OPENED: "The keys that were given do not open it",
    Reason.MALWARE: "Called malicious by the service",
    Reason.PROTOCOL: "The service answered oddly",
    Reason.ADDRESS_REFUSED: "Address not allowed here",
    Reason.UNTRUSTED_SERVER: "The server could not prove who it is",
    Reason.STAGING_FULL: "No room on the machine that moves the files",
    Reason.CONFIGURATION: "A setting is wrong",
    Reason.CANCELED: "Canceled",
    Reason.UNKNOWN: "Not known",
}
_TRIGGERS = {
    "by_hand": "By hand",
    "schedule": "By a schedule",
    "automatic": "Again by itself",
    "api": "By a program",
}
_MODES = {"copy": "Move", "scan": "Scan", "verify": "Check"}

_COMMAND_WORDS = (
    (
        "Run the same command again later; it goes on where it was.",
        "Start it again later; it goes on where it was.",
    ),
    ("Run the same command again; it goes on where it was.", "Start it again; it goes on where it was."),
    ("Run the same command again later.", "Start it again later."),
    (
        "or let it be put there all the same (--wider allow)",
        "or choose “Put it there all the same” in the settings",
    ),
    (
        "run with --conflict overwrite to let the source win",
        "choose “Replace it” in the settings to let the source win",
    ),
    (
        "or give client_id and client_secret of an app of your own",
        "or give the client ID and secret of an app of your own under More settings",
    ),
    ("connect the service again with `mover connect`", "sign in anew under Connections"),
    (
        "allow its network in MOVER_ALLOW_PRIVATE_ADDRESSES",
        "ask the operator of this Mover to allow its network",
    ),
    ("that this machine may reach it", "that Mover may reach it"),
    ("report it with the run's item log", "ask the operator of this Mover"),
    ("or point MOVER_STAGING_DIR elsewhere", "or ask the operator of this Mover for more"),
)

_BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "Mac"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def tone(status: str) -> str:
    """Which colour a status, or the state of an item, has: good, warn, bad, active or idle."""
    return _TONES.get(status) or _ITEM_TONES.get(status, "idle")


def status_icon(status: str) -> str:
    """The sign of a status."""
    return _STATUS_ICONS.get(status, "circle-dashed")


def service_icon(service: str) -> str:
    """The sign of a service."""
    return _SERVICE_ICONS.get(service, "plug")


def service_lead(service: str) -> str:
    """One line that helps to choose a service."""
    return _SERVICE_LEADS.get(service, "")


def item_state_word(state: str) -> str:
    """The state of an item in a run."""
    return _ITEM_STATES.get(state, state)


def grant_state_word(state: str) -> str:
    """What became of a permission in a run."""
    return _GRANT_STATES.get(state, state)


def grant_states() -> list[tuple[str, str]]:
    """All of them, to choose from."""
    return list(_GRANT_STATES.items())


def verification_word(verification: str | None) -> str:
    """How an arrival was verified."""
    return _VERIFICATIONS.get(verification or "", "")


def reason_word(reason: str) -> str:
    """What went wrong with an item, in a few words."""
    try:
        return _REASONS[Reason(reason)]
    except ValueError:
        return reason


def reasons() -> list[tuple[str, str]]:
    """All reasons, to choose from."""
    return [(reason.value, word) for reason, word in _REASONS.items()]


def for_service(advice: str) -> str:
    """An advice that was written for the command line, for people who look at a page."""
    for words, instead in _COMMAND_WORDS:
        advice = advice.replace(words, instead)
    return advice


def trigger_word(trigger: str) -> str:
    """What started a run."""
    return _TRIGGERS.get(trigger, trigger)


def mode_word(mode: str) -> str:
    """What a run was asked to do."""
    return _MODES.get(mode, mode)


def role_word(role: str) -> str:
    """A role, with a capital letter."""
    return Role(role).value.capitalize()


def role_choices(granting: frozenset[Permission]) -> list[tuple[str, str, str]]:
    """Roles that somebody may give, with what they are for."""
    return [(role.value, role_word(role), _role_lead(role)) for role in Role if role.granting in granting]


def _role_lead(role: Role) -> str:
    match role:
        case Role.OWNER:
            return "Everything, also the organisation itself: owners, single sign-on, deletion."
        case Role.ADMINISTRATOR:
            return "Everything but what owners decide: people, connections, API keys, settings."
        case Role.OPERATOR:
            return "Plans and runs moves with the connections that are there."
        case Role.VIEWER:
            return "Sees migrations and reports, changes nothing."


def permission_word(permission: str) -> str:
    """What a permission allows."""
    match Permission(permission):
        case Permission.READ:
            return "See everything (never passwords or keys)"
        case Permission.RUN:
            return "Start, pause, resume, cancel and retry"
        case Permission.PLAN:
            return "Plan migrations, pairs, maps and schedules"
        case Permission.CONNECT:
            return "Add, test and delete connections"
        case Permission.ADMINISTER:
            return "Manage people, keys, webhooks and settings"
        case Permission.OWN:
            return "Decide what owners decide"


def action_word(action: str) -> str:
    """An event of the audit log; one that has no words: `person.role_changed` -> `Person: role changed`."""
    if known := ACTION_WORDS.get(action):
        return known
    subject, _, what = action.partition(".")
    text = f"{subject.replace('_', ' ')}: {what.replace('_', ' ')}" if what else subject.replace("_", " ")
    return text[:1].upper() + text[1:]


def initials(name: str) -> str:
    """Two letters that stand for a person."""
    found: list[str] = re.findall(r"\w+", name)
    return "".join(word[0] for word in (found[:1] + found[1:][-1:])).upper() or "?"


def device(user_agent: str) -> str:
    """What a browser calls itself, in two words: `Firefox on Linux`."""
    browser = next((word for sign, word in _BROWSERS if sign in user_agent), "")
    system = next((word for sign, word in _SYSTEMS if sign in user_agent), "")
    if browser and system:
        return f"{browser} on {system}"
    return browser or system or "An unknown browser"
