"""The people who run an installation: accounts of their own, metadata only, and exceptions that need two of them.

They belong to no organisation, and nothing of theirs (cookie, session, token) opens anything of an organisation's, nor the
other way round. `requests.py` is what every exception goes through, `views.py` all that they see without one.
"""
