"""The ledger's SQL: functions of a connection, set-based, a module for each subject."""
