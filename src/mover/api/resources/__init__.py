"""What can be asked of the API, a module a resource. Handlers are thin: they translate, and the domain's services decide."""

from __future__ import annotations

from mover.api.operations import Resource
from mover.api.resources import (
    api_keys,
    audit,
    connections,
    events,
    folders,
    imports,
    invitations,
    maps,
    migrations,
    organisation,
    pair_actions,
    pairs,
    people,
    permissions,
    reports,
    runs,
    schedules,
    services,
    session,
    signing_keys,
    views,
    webhooks,
)

RESOURCES: tuple[Resource, ...] = (
    session.resource,
    organisation.resource,
    people.resource,
    invitations.resource,
    api_keys.resource,
    services.resource,
    connections.resource,
    folders.resource,
    migrations.resource,
    pairs.resource,
    pair_actions.resource,
    imports.resource,
    events.resource,  # before `runs`, since its address looks like a run's
    runs.resource,
    permissions.resource,
    schedules.resource,
    maps.resource,
    views.resource,
    reports.resource,
    signing_keys.resource,
    webhooks.resource,
    audit.resource,
)
"""In the order of the reference."""
