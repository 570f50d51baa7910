"""Where this installation's connections lead, written down for proxies and firewalls.

in_use.py        from connections and settings to hosts and ports; queries.py what it asks the database
formats.py       the forms in which the list is written
plain.py, squid.py, dante.py, nftables.py, kubernetes.py   one form each
"""
