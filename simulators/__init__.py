"""Local stand-ins for cloud services that cannot be reached from a test: Google, Microsoft, Dropbox, Box, Egnyte.

python -m simulators                 all of them behind one proxy, until Ctrl-C

    client ──CONNECT www.googleapis.com:443──► front.py ──TLS ended with a certificate of that name──► vendor's app
                                                  │                                                      │
                                                  └ hosts of no vendor are refused                 faults, tally, state

world.py, clock.py  all vendors at one clock; a fresh one is empty
vendor.py         what a vendor is
front.py          the proxy, and TLS
certificates.py   the private authority
accounts.py       people, groups, tokens
consent.py        OAuth: consent page, codes, tokens
nodes.py          a drive: entries, versions, grants, names, the log of changes
blobs.py          contents
faults.py         what is to go wrong
tally.py          what was called

They are believed since the vendors' own SDKs and rclone work against them. They import nothing of Mover.
"""
