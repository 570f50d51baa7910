"""Secrets under two keys: a global key, held outside the database, wraps each person's key, and that seals the secrets.

    global key (provider: file, environment, ...) ──wraps──► person's key ──seals──► secret
         not in the database                                person_keys             secrets

Everything is AES-256-GCM with a fresh random nonce. The associated data names the place of each ciphertext (person,
owner, field, key id, version of the format), so that one put in another's place does not open. The database alone is
worthless; so is what stays of it once a person's key is destroyed.
"""
