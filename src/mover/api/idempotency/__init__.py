"""Requests that may be sent twice and happen once (draft-ietf-httpapi-idempotency-key-header)."""
