"""Who may do what: organisations, people, roles, signing in, sessions, second factors, single sign-on, API keys.

    person ──membership (a role)──► organisation ◄── API key (made by a person, never more than that person may)
       │                                ▲
       └── session ────────────────acts in

Every public method of a service takes the `Actor` first, asks for the permission itself, and sees only the actor's
organisation: what belongs to another one is NotFound, in the words for what never existed. Tokens are random and kept as
hashes; what has to be read again (TOTP secrets, the client secret of single sign-on) is in the vault.
"""
