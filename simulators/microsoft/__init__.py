"""Microsoft: OneDrive, SharePoint and their users through Microsoft Graph v1.0, and the sign-in of Entra ID.

service.py      the vendor: hosts, app, and what tests make in it
state.py        sites, libraries, upload sessions, links that carry a right of their own
ids.py          how ids, tags and times look
addresses.py    what a Graph path means: a drive, an item in it, an action
graph.py        one call of Graph: who asks, throttling, dispatch
calls.py        a call and its answer, whether it came by itself or in a batch
directory.py    users, sites, drives
items.py        entries as Graph describes them; listings
changing.py     folders, small contents, renames, times, deletion
sessions.py     upload sessions
contents.py     downloads
delta.py        changes
sharing.py      permissions
versions.py     versions
batch.py        many calls in one
throttling.py   resource units by the minute
sign_in.py      login.microsoftonline.com
names.py        which names are refused
office.py       what a library does to Office files
quickxor.py     the content hash
errors.py       refusals, in Graph's form

`vendor.faults.switch(...)` knows: "rewrite office files", "404 after create", "shared facet on what inherits",
"delta repeats", "resync apply", "resync upload", "no hashes", "throttle in batch", "no download url", "partial fragment",
"foreign next link". `drive.lag_ns` lets listings and changes lag; `library.is_locked` locks a site.
"""

from simulators.microsoft.service import Microsoft, make

__all__ = ["Microsoft", "make"]
