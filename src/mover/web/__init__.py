"""The pages: rendered on the server, useful without a script, live with one. No domain logic and no SQL stands here."""
