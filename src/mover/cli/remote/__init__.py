"""The command line against a server: the same things through the public API.

routing.py   whether a command line is for a server; app.py: its commands and options
choice.py    which server, with which key (profiles.py)
server.py    calls, with retries and pages; refusals.py: what a server's problems mean; answers.py: what it says
looking.py, changing.py, steering.py, watching.py, reports.py   what the commands do
"""
