"""A folder of this machine.

config.py       what to fill in
connector.py    the contract
reading.py, writing.py, parts.py, optional.py   its pieces
api.py          the system calls, each relative to an open folder, no symbolic link ever followed
placing.py      putting a finished file under its name without hitting another one
filesystems.py  what a file system can do
failures.py     errno values
threads.py      where all of that runs
"""

from mover.connectors.local.config import LocalConfig
from mover.connectors.local.connector import LocalConnector
from mover.connectors.registry import ConnectorType, Surroundings


def _make(config: LocalConfig, _surroundings: Surroundings) -> LocalConnector:
    return LocalConnector(config)


CONNECTOR_TYPE = ConnectorType(name="local", title="Local folder", config=LocalConfig, make=_make)
