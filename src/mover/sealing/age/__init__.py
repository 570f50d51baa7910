"""The age format, version 1 (C2SP, age-encryption.org/v1): headers, recipients, identities, and the payload.

Written on `cryptography` rather than on an age library, for two reasons: ranges of a file must be sealed without those
before them, and a file that is gone on with after a restart must be sealed to the very same bytes again. The tests
compare it with the age command and with pyrage, both ways.
"""
