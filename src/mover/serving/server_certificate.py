"""Which certificate the processes of this installation serve with: the operator's, or one of Mover's own making."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from mover.serving.certificates import names_of_this_server
from mover.serving.tls import ServerTls, operators_certificate, own_made_certificate
from mover.settings import Settings

_log = logging.getLogger(__name__)


def certificate_of(settings: Settings) -> ServerTls:
    """The operator's certificate, or one of our own making. Raises InvalidConfiguration."""
    if settings.tls_cert_file is not None:
        return operators_certificate(settings.tls_cert_file, settings.tls_key_file)
    tls, made = own_made_certificate(settings.tls_path, server_names(settings))
    if made.made:
        _log.info("a certificate authority was made: %s, SHA-256 %s", made.ca_file, made.fingerprint)
    return tls


def server_names(settings: Settings) -> tuple[str, ...]:
    """All names that a certificate of our own is for."""
    return names_of_this_server((urlsplit(settings.public_url).hostname or "", settings.listen.host))
