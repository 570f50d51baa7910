"""Google Drive and what belongs to it: My Drive, shared drives, native documents, the Admin SDK's directory, sign-in.

vendor.py       the app, its hosts, its people
state.py        drives, who may see what, ids
errors.py       refusals as Google spells them
fields.py       partial answers (`fields=`)
query.py        the search language (`q=`)
resources.py    what a file, a permission, a revision looks like
times.py        RFC 3339
files.py, listing.py, uploads.py, sessions.py, native.py, permissions.py, revisions.py, changes.py, drives.py
directory.py    users of the domain
sign_in.py      tokens: of people, and of a service account that acts for them
batch.py        many calls in one
pace.py         limits of calls

Facts: developers.google.com/workspace/drive/api (guides and reference), the discovery document of v3, and what was measured on
the live service by others. What could not be confirmed has a switch in `vendor.ODDITIES`.
"""

from simulators.clock import Clock
from simulators.google.vendor import Google


def make(clock: Clock) -> Google:
    """Make the vendor with nobody in it."""
    return Google(clock)


__all__ = ["Google", "make"]
