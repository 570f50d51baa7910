"""OpenID Connect as a relying party: what a provider says about itself, its keys, its tokens. No person is known here."""
