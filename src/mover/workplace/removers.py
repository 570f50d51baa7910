"""What removes the rows of deleted organisations and people, of all rooms below, in the order in which they can go."""

from __future__ import annotations

from mover.accounts.departures import Remover
from mover.accounts.erasure import PersonRemover
from mover.connections import queries as connections
from mover.lawful.queries import removal as lawful
from mover.migrations.queries import removal as migrations
from mover.notices import queries as notices
from mover.staff.queries import requests as staff

REMOVERS: tuple[Remover, ...] = (
    lawful.remove_organisation,
    staff.remove_organisation,
    notices.remove_organisation,
    migrations.remove_organisation,  # looks at the connections
    connections.remove_organisation,
)

PERSON_REMOVERS: tuple[PersonRemover, ...] = (notices.forget_person, migrations.forget_person)
"""What removes what is a person's alone, or puts a pseudonym in their name's place."""
