"""Lawful export (P10): what is held of somebody at one moment, handed out under an order, by people and not by one.

      ask ──► two others approve (staff.requests) ──► export
                                                        │ a call, with a deadline, to each runner in scope
      runner ◄──────────── legal_answers ◄──────────────┤
        │ looks into its own staging, decrypts in memory,
        │ seals at once to the order's recipients (age)
        └─► legal_parts, legal_pieces (sealed) ─────────┤
                                                        ├─► archive: manifest, metadata, sealed parts; sealed again
                                                        └─► sealed rows removed, audit entry

Staged parts are encrypted with keys that only the runner's memory has; so only the runner can open them, and nobody can
ask it for more than what it holds at that moment. What leaves it can be opened by the recipients alone: neither Mover nor its
operator can read it, in the database or in the archive.
"""
