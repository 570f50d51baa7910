"""The only way out: connections, TLS, address rules, proxies, HTTP, pacing and retries."""
