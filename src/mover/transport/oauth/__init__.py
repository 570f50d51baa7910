"""Tokens for services that are signed in to by OAuth 2.0 (RFC 6749).

description.py   what of a vendor's flow differs from another's, as data
tokens.py        who has tokens, and who renews them
bearer.py        an HTTP session that shows them
"""
