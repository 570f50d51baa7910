"""Tokens for services that are signed in to by OAuth 2.0 (RFC 6749).

description.py   what of a vendor's flow differs from another's, as data
endpoint.py      the token endpoint, and what its "no" means (refusals.py)
tokens.py        who has tokens, and who renews them
holding.py       one access token, shared by all tasks and replaced in time
user_tokens.py   of a person who signed in with a browser, kept for all processes
app_tokens.py    of an app that acts for itself or for the users it administers, in memory
bearer.py        an HTTP session that shows them
"""
