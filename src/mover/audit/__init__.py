"""The audit log: who did what to what, chained by hashes under a signature that does not come from the database.

    act ──(its transaction)──► audit_events ──(a second later)──► sealed: number, hash ──► audit_heads: signed
                                                                      │
                                                                      └─► copies elsewhere (`mover.notices`)

An event is written in the transaction of its act, by whichever process does it, and takes part in no chain yet: a chain
whose end every act had to move would have all acts of an organisation wait for each other. The `Sealer` of a runner
gives what was committed its place, and signs the end of the chain anew. What is chained cannot be removed, changed,
moved or inserted without `verifying.py` finding it; what was cut off at the end is found by a copy.
"""
