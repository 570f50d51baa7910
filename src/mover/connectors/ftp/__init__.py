"""FTP, with and without TLS.

config.py           what to fill in
connector.py        the contract
features.py         what a server is and can do
pool.py             signed-in connections, as many as the server bears
tree.py             paths and names as the server spells them
looking.py          what stands at a path, in one step
facts.py, lines.py  the lines of MLSD and of LIST
listing.py, reading.py, uploads.py, parts.py, placing.py, checksums.py, optional.py   the contract's pieces
failures.py         replies

The protocol's steps are libcurl's (`mover.transport.curl`).
"""

from mover.connectors.ftp.config import FtpConfig
from mover.connectors.ftp.connector import ftp, reaches
from mover.connectors.registry import ConnectorType

CONNECTOR_TYPE = ConnectorType(
    name="ftp", title="FTP, unencrypted", config=FtpConfig, make=ftp, reaches=reaches
)
