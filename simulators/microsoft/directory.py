"""Users, sites, drives."""

from __future__ import annotations

from typing import Any

from simulators.accounts import Person
from simulators.microsoft.calls import Answer, Call
from simulators.microsoft.errors import GraphError, denied, invalid, not_found
from simulators.microsoft.items import chosen, identity, paged
from simulators.microsoft.state import LIBRARY, Library, Site, State


def directory_call(state: State, call: Call) -> Answer:
    """Answer what is no drive's. Raises GraphError."""
    segments = [part.removesuffix("()") for part in call.path.split("/") if part]
    match segments:
        case ["me"]:
            return Answer(200, chosen(user_json(state, _me(call)), call.query))
        case ["me", "drives"]:
            own = state.drive_of.get(_me(call).id)
            return Answer(200, {"value": [drive_json(state, own)] if own else []})
        case ["organization"]:
            if not state.is_mine(_me(call)):
                raise GraphError(403, "Authorization_RequestDenied", "Insufficient privileges.")
            return Answer(200, {"value": [{"id": state.tenant_id, "displayName": state.tenant.title()}]})
        case ["users"]:
            _need_app(call)
            return paged(state, call, [user_json(state, one) for one in _mine(state)])
        case ["users", user]:
            found = state.accounts.people.get(user) or state.accounts.person_of(user)
            if found is None:
                raise GraphError(404, "Request_ResourceNotFound", f"Resource '{user}' does not exist.")
            return Answer(200, chosen(user_json(state, found), call.query))
        case ["sites", "getAllSites" | "microsoft.graph.getAllSites"]:
            _need_app(call)
            highest = [one for one in state.sites.values() if one.above is None]
            return paged(state, call, [site_json(one) for one in highest], most=1000)
        case ["sites"]:
            if "search" not in call.query and "$search" not in call.query:
                raise invalid("Search is needed to enumerate sites")
            return paged(state, call, [site_json(one) for one in _visible(state, call)], most=1000)
        case ["sites", site_id, *rest]:
            return _of_site(state, call, site_id, rest)
        case _:
            raise GraphError(400, "BadRequest", f"Resource not found for the segment '{segments[-1:]}'.")


def user_json(state: State, person: Person) -> dict[str, Any]:
    """Describe a user."""
    return {
        "id": person.id,
        "displayName": person.name,
        "mail": person.email,
        "userPrincipalName": person.email,
        "accountEnabled": person.is_active,
        "userType": "Member" if state.is_mine(person) else "Guest",
    }


def drive_json(state: State, library: Library) -> dict[str, Any]:
    """Describe a drive."""
    drive = library.drive
    total = drive.quota if drive.quota is not None else 1024**4
    left = max(0, total - drive.used)
    told: dict[str, Any] = {
        "id": library.id,
        "driveType": library.kind,
        "name": library.name,
        "webUrl": f"https://{library.host}{library.prefix}",
        "owner": identity(drive.owner, personal=False)
        if drive.owner
        else {"group": {"displayName": library.name}},
        "quota": {
            "total": total,
            "used": drive.used,
            "remaining": left,
            "deleted": 0,
            "state": "normal" if left > total // 100 else "exceeded" if not left else "critical",
        },
    }
    if library.site is not None and library.kind == LIBRARY:
        told["sharePointIds"] = {"siteId": library.site.id}
    assert state.libraries
    return told


def site_json(site: Site) -> dict[str, Any]:
    """Describe a site."""
    told: dict[str, Any] = {
        "id": site.id,
        "name": site.address.rpartition("/")[2],
        "displayName": site.name,
        "webUrl": site.web_url,
        "isPersonalSite": site.is_personal,
        "siteCollection": {"hostname": site.host},
    }
    return told if site.above is not None else {**told, "root": {}}


def _of_site(state: State, call: Call, site_id: str, rest: list[str]) -> Answer:
    host, colon, _ = site_id.partition(":")
    if colon:  # /sites/{host}:/sites/{address}
        address = "/".join(rest)
        site = next((s for s in state.sites.values() if (s.host, s.address) == (host, address)), None)
        rest = []
    else:
        site = state.sites.get(site_id)
    if site is None or site not in _visible(state, call):
        raise not_found()
    match rest:
        case []:
            return Answer(200, chosen(site_json(site), call.query))
        case ["sites"]:
            below = [one for one in _visible(state, call) if one.above is site]
            return paged(state, call, [site_json(one) for one in below])
        case ["drives"]:
            return paged(state, call, [drive_json(state, one) for one in site.libraries])
        case _:
            raise invalid("Resource not found for the segment")


def _mine(state: State) -> list[Person]:
    return [one for one in state.accounts.people.values() if state.is_mine(one)]


def _visible(state: State, call: Call) -> list[Site]:
    person = call.person
    return [
        site
        for site in state.sites.values()
        if person is None
        or (
            state.is_mine(person)
            and not site.is_personal
            and (site.members is None or person in site.members)
        )
    ]


def _me(call: Call) -> Person:
    if call.person is None:
        raise GraphError(400, "BadRequest", "/me request is only valid with delegated authentication flow.")
    return call.person


def _need_app(call: Call) -> None:
    if call.person is not None and not call.person.is_admin:
        raise denied()
