"""Egnyte: one domain, `acme.egnyte.com`, with /Shared and /Private.

vendor.py       state and routes put together
answers.py      what entries, users and errors look like
gate.py         tokens, impersonation, limits
files.py        folders and files: describe, list, create, move, delete
contents.py     uploads, whole and in chunks, and downloads
directory.py    users, groups, permissions, links
events.py       the feed of changes

Sources: the developers' pages (developers.egnyte.com), the SDKs of Egnyte for Python, .NET, Java and JavaScript.
"""

from simulators.egnyte.vendor import Egnyte, make

__all__ = ["Egnyte", "make"]
