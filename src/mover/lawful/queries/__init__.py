"""SQL of the lawful exports."""
