"""Dropbox, simulated: personal accounts and one team.

state.py       all that is kept: the team and its people, trees, sessions, jobs
service.py     who calls, with which token, in whose name, how often
calls.py       one call: its styles (RPC, upload, download) and its argument
refusals.py    errors to the letter
namespaces.py  trees, how they are mounted in one another, journals
views.py       what one person sees of them: paths, ids, descriptions
sessions.py    upload sessions
jobs.py        what takes a while
writing.py     changes: conflicts, names, locks
listing.py     list_folder and its cursors
files.py, zips.py, folders.py, uploads.py, sharing.py, file_sharing.py, team.py, users.py   the routes
membership.py  members, as the API describes them
hashes.py      content_hash

Sources: the official description of the API (276 routes with their types), its documentation, and recorded answers. What
could not be confirmed is a switch: `Dropbox.nested_sharing`.
"""

from simulators.clock import Clock
from simulators.dropbox.service import Dropbox


def make(clock: Clock) -> Dropbox:
    """Make an empty Dropbox."""
    return Dropbox(clock)
