"""Saved accounts at services: what was filled in, with its secrets in the vault, and how to get a live connector from it."""
