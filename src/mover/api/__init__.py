"""The two HTTP interfaces: the public one at `/api/v1` for API keys, and the application's own at `/app/v1` for sessions."""
