"""Everything open, as the operator's settings say: for commands, the API and runners alike."""
