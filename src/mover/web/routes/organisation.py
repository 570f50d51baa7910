"""Settings of the organisation, its audit log, and its end."""

from __future__ import annotations

from starlette.responses import Response

from mover.accounts.actor import Permission, Role
from mover.accounts.records import LEAST_KEPT_DAYS, MOST_KEPT_DAYS, SingleSignOnSettings
from mover.accounts.refusals import RecentSignInNeeded
from mover.api.cookies import clear_session
from mover.api.streams import jsonl_download, zip_download
from mover.errors import InvalidConfiguration, MoverError
from mover.web import words
from mover.web.forms import Form
from mover.web.routes.pair import number
from mover.web.visit import Visit
from mover.web.ways import Way

_PLACE = "organisation"
_SSO_FIELDS = ("issuer", "client_id", "domains", "default_role", "required")


async def organisation(visit: Visit) -> Response:
    """Show the settings."""
    return await _show(visit)


async def _show(
    visit: Visit,
    form: Form | None = None,
    sso_form: Form | None = None,
    retention_form: Form | None = None,
) -> Response:
    services = visit.house.services
    found = await services.organisations.get(visit.actor)
    sso = await services.single_sign_on.settings(visit.actor)
    if form is None:
        form = Form({"name": found.name, "second_factor": "yes" if found.second_factor_required else ""})
    if sso_form is None:
        sso_form = Form(_sso_values(sso))
    if retention_form is None:
        retention_form = Form({"kept_days": str(found.kept_days)})
    show = visit.again if form.faults or sso_form.faults or retention_form.faults else visit.page
    return show(
        "organisation.html",
        place=_PLACE,
        organisation=found,
        form=form,
        sso=sso,
        sso_form=sso_form,
        roles=[
            ("", "Nobody: only those who are members"),
            *((role.value, words.role_word(role)) for role in Role if role is not Role.OWNER),
        ],
        way_in=services.site.single_sign_on(found.id),
        retention_form=retention_form,
        fewest_days=LEAST_KEPT_DAYS,
        most_days=MOST_KEPT_DAYS,
        return_address=services.site.single_sign_on_return(found.id),
    )


def _sso_values(sso: SingleSignOnSettings | None) -> dict[str, str]:
    if sso is None:
        return {}
    return {
        "issuer": sso.issuer,
        "client_id": sso.client_id,
        "domains": ", ".join(sso.domains),
        "default_role": sso.default_role.value if sso.default_role else "",
        "required": "yes" if sso.required else "",
    }


async def change(visit: Visit) -> Response:
    """Change name and rules."""
    form = visit.filled_in("name", "second_factor")
    try:
        await visit.house.services.organisations.change(
            visit.actor,
            name=form.values["name"].strip(),
            second_factor_required=form.values["second_factor"] == "yes",
        )
    except InvalidConfiguration as error:
        form.blame(error, fields={"name": "name"})
        return await _show(visit, form=form)
    return visit.go("/organisation", "The settings are saved.")


async def change_retention(visit: Visit) -> Response:
    """Decide how long runs and reports are kept."""
    form = visit.filled_in("kept_days")
    days = form.values["kept_days"].strip()
    try:
        # What is no number is outside of the bounds as well; more than five digits need not be read.
        whole = (
            int(days) if days.isascii() and days.isdigit() and len(days) <= len(str(MOST_KEPT_DAYS)) else 0
        )
        await visit.house.services.organisations.keep_for(visit.actor, whole)
    except InvalidConfiguration as error:
        form.blame(error, fields={"kept": "kept_days"})
        return await _show(visit, retention_form=form)
    return visit.go("/organisation", f"Reports are kept for {'1 day' if whole == 1 else f'{whole} days'}.")


async def set_single_sign_on(visit: Visit) -> Response:
    """Set up single sign-on, or stop using it."""
    services = visit.house.services
    if visit.text("act") == "remove":
        await services.single_sign_on.remove(visit.actor)
        return visit.go("/organisation", "Single sign-on is not used any more.")
    form = visit.filled_in(*_SSO_FIELDS)
    if not form.require(
        issuer="Type the provider's address.",
        client_id="Type the client ID.",
        domains="Type at least one domain.",
    ):
        return await _show(visit, sso_form=form)
    role = form.values["default_role"]
    settings = SingleSignOnSettings(
        issuer=form.values["issuer"].strip(),
        client_id=form.values["client_id"].strip(),
        domains=tuple(part.strip() for part in form.values["domains"].replace(",", " ").split()),
        default_role=Role(role) if role in set(Role) else None,
        required=form.values["required"] == "yes",
    )
    secret = visit.secret("client_secret") if visit.text("client_secret") else None
    try:
        await services.single_sign_on.configure(visit.actor, settings, secret)
    except MoverError as error:
        form.blame(
            error,
            fields={
                "secret": "client_secret",
                "domain": "domains",
                "client": "client_id",
                "issuer": "issuer",
            },
        )
        return await _show(visit, sso_form=form)
    return visit.go("/organisation", "Single sign-on is set up.")


async def data(visit: Visit) -> Response:
    """Everything that is kept of the organisation, as a file."""
    return await zip_download(
        await visit.house.services.data_exports.organisation(visit.actor), "organisation-data"
    )


async def ask_to_delete(visit: Visit) -> Response:
    """Say what deleting the organisation means, and ask."""
    found = await visit.house.services.organisations.get(visit.actor)
    return visit.page("organisation_delete.html", place=_PLACE, organisation=found, form=Form())


async def delete(visit: Visit) -> Response:
    """End the organisation."""
    services = visit.house.services
    found = await services.organisations.get(visit.actor)
    try:
        await services.organisations.delete(visit.session, typed_name=visit.text("typed_name"))
    except InvalidConfiguration:
        form = Form(faults={"typed_name": f"Type the name exactly: {found.name}"})
        return visit.again("organisation_delete.html", place=_PLACE, organisation=found, form=form)
    except RecentSignInNeeded:
        return visit.go("/confirm?back=/organisation/delete")
    response = visit.go("/sign-in", f"{found.name} is deleted. Its passwords and keys are destroyed.")
    clear_session(response)
    return response


async def audit(visit: Visit) -> Response:
    """Show who did what."""
    page = await visit.house.services.audit_log.page(
        visit.actor, before=number(visit.query("before")) or None, limit=100
    )
    return visit.page(
        "audit.html",
        place="audit",
        page=page,
        first=not visit.query("before"),
        state=await visit.house.services.audit_log.state(visit.actor),
    )


async def audit_download(visit: Visit) -> Response:
    """The sealed log, as a file that proves itself."""
    return await jsonl_download(await visit.house.services.audit_log.export(visit.actor), "audit-log")


WAYS = (
    Way("GET", "/organisation", Permission.ADMINISTER, organisation),
    Way("POST", "/organisation", Permission.OWN, change),
    Way("POST", "/organisation/retention", Permission.ADMINISTER, change_retention),
    Way("POST", "/organisation/single-sign-on", Permission.OWN, set_single_sign_on),
    Way("GET", "/organisation/data", Permission.OWN, data),
    Way("GET", "/organisation/delete", Permission.OWN, ask_to_delete),
    Way("POST", "/organisation/delete", Permission.OWN, delete),
    Way("GET", "/audit", Permission.ADMINISTER, audit),
    Way("GET", "/audit/log", Permission.ADMINISTER, audit_download),
)
