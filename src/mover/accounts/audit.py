"""What is worth knowing later of accounts: the words for it. The log itself is the room `mover.audit`."""

from __future__ import annotations

import enum

from mover.audit.recording import Auditor

__all__ = ["Action", "Auditor"]


class Action(enum.StrEnum):
    """What can have happened. The words are stored: they are added to, never changed."""

    ORGANISATION_FOUNDED = "organisation.founded"
    ORGANISATION_CHANGED = "organisation.changed"
    RETENTION_CHANGED = "organisation.retention_changed"
    ORGANISATION_DELETED = "organisation.deleted"
    SIGNED_IN = "session.signed_in"
    SIGN_IN_FAILED = "session.sign_in_failed"
    SIGNED_OUT = "session.signed_out"
    SESSION_REVOKED = "session.revoked"
    PERSON_JOINED = "person.joined"
    PERSON_CHANGED = "person.changed"
    PERSON_REMOVED = "person.removed"
    ROLE_CHANGED = "person.role_changed"
    EMAIL_VERIFIED = "person.email_verified"
    PASSWORD_CHANGED = "password.changed"  # noqa: S105 - a word of the log
    PASSWORD_RESET_ASKED = "password.reset_asked"  # noqa: S105 - likewise
    PASSWORD_RESET = "password.reset"  # noqa: S105 - likewise
    TOTP_ADDED = "second_factor.totp_added"
    TOTP_REMOVED = "second_factor.totp_removed"
    RECOVERY_CODES_MADE = "second_factor.recovery_codes_made"
    RECOVERY_CODE_USED = "second_factor.recovery_code_used"
    SECOND_FACTOR_RESET = "second_factor.reset"
    PASSKEY_ADDED = "passkey.added"
    PASSKEY_REMOVED = "passkey.removed"
    INVITED = "invitation.made"
    INVITATION_REVOKED = "invitation.revoked"
    SINGLE_SIGN_ON_CHANGED = "single_sign_on.changed"
    SINGLE_SIGN_ON_REMOVED = "single_sign_on.removed"
    API_KEY_MADE = "api_key.made"
    API_KEY_CHANGED = "api_key.changed"
    API_KEY_ROTATED = "api_key.rotated"
    API_KEY_REVOKED = "api_key.revoked"
    API_KEY_NEW_ADDRESS = "api_key.new_address"
    PERSON_DELETED = "person.deleted"
    DATA_EXPORTED = "person.data_exported"
    ORGANISATION_EXPORTED = "organisation.exported"
    AUDIT_LOG_EXPORTED = "audit.exported"
    STAFF_ADDED = "staff.added"
    STAFF_REMOVED = "staff.removed"
    STAFF_RESET = "staff.reset"
    STAFF_SIGNED_IN = "staff.signed_in"
    STAFF_SIGN_IN_FAILED = "staff.sign_in_failed"
    STAFF_SIGNED_OUT = "staff.signed_out"
    STAFF_PASSWORD_CHANGED = "staff.password_changed"  # noqa: S105 - a word of the log
    STAFF_SECOND_FACTOR_ADDED = "staff.second_factor_added"
    STAFF_KEY_MADE = "staff.key_made"
    STAFF_KEY_REVOKED = "staff.key_revoked"
    STAFF_LOOKED = "staff.looked"
    EXCEPTION_ASKED = "exception.asked"
    EXCEPTION_APPROVED = "exception.approved"
    EXCEPTION_REFUSED = "exception.refused"
    EXCEPTION_WITHDRAWN = "exception.withdrawn"
    EXCEPTION_USED = "exception.used"
    EXCEPTION_DISCLOSURE_SET = "exception.disclosure_set"
    EXCEPTION_DISCLOSED = "exception.disclosed"
