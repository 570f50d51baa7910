"""Mover moves files between storage services: verified, encrypted, and without keeping anything."""

__version__ = "0.1.0"
