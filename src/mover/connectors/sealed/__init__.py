"""Sources whose files are sealed, or opened, as they are read. The engine moves what it reads, and knows no difference.

Wrapped around the *source*, also where the destination is to hold sealed files: what the engine receives, stages, hashes,
sends, compares and goes on with are then the very bytes that arrive. Only names are changed on the way to the
destination (`mover.transfer.sealing`), so that filters and reports speak of the files as people know them.
"""
