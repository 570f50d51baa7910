"""The service's processes: how they listen, log, are watched over, and end.

certificates.py   Mover's own small authority and the certificate that it signs; the operator's own stand in the settings
server_certificate.py  which of the two this installation serves with; strength.py says what is too weak
memory.py         keys stay out of swap
tls.py            what the server accepts; kept up to date while it runs
doorway.py        takes connections, and tells people who come without TLS where to go (plain.py)
server.py         uvicorn between the doorway and the application (protocol.py, streams.py)
supervision.py    the processes of `mover serve`: started, restarted, ended together (bound.py, children.py)
logs.py           JSON lines on standard error; metrics.py and traces.py, if the operator wants them
"""
