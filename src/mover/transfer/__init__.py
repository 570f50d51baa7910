"""A move itself: scan, plan, copy, verify. Knows services only through the contract, and no screen or server."""
