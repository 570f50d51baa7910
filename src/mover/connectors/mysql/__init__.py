"""MySQL and MariaDB: databases as folders, and in them a dump a table, view, routine, event and sequence.

A dump is SQL that the `mariadb` and `mysql` clients load unchanged; docs/mysql.md describes it for people. What holds
it together:

* A dump of the same content is the same bytes. So a table that was restored is verified like any file: it is read back.
* All tables that one connector reads are of one moment (`snapshot.py`).
* Dumps can be restored in any order and at the same time. Foreign keys are added after the rows, with checks off;
  triggers are in their table's file and are made after the rows; a view whose tables are not there yet raises
  MissingDependency, and the engine comes back to it when the rest has arrived.
* A dump is not trusted. It is recognised statement by statement, and holds nothing but the thing of its name
  (`statements.py`, `definitions.py`).

config.py          what to fill in
connector.py       the contract
snapshot.py, uploads.py, pool.py   reading, restoring, connections
session.py, rows.py   one connection: PyMySQL in a thread, and its rows
names.py, catalog.py   what stands in a database, and how its file is called
form.py, tables.py, literals.py, programs.py   writing dumps
statements.py, definitions.py, restore.py, restore_programs.py   reading and executing them
sql.py             quoting and tokens
failures.py        error numbers
"""

from mover.connectors.mysql.config import MySqlConfig
from mover.connectors.mysql.connector import MySqlConnector
from mover.connectors.mysql.failures import SERVICE
from mover.connectors.registry import ConnectorType, Surroundings
from mover.transport.destinations import Destination


def _make(config: MySqlConfig, surroundings: Surroundings) -> MySqlConnector:
    return MySqlConnector(config, surroundings.egress)


def _reaches(config: MySqlConfig) -> tuple[Destination, ...]:
    return (Destination.to(config.host, config.port),)


CONNECTOR_TYPE = ConnectorType(
    name=SERVICE, title="MySQL and MariaDB", config=MySqlConfig, make=_make, reaches=_reaches
)

__all__ = ["CONNECTOR_TYPE", "MySqlConfig", "MySqlConnector"]
