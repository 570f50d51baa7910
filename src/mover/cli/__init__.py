"""The `mover` command.

main.py         the entry point, and the last line of defence (faults.py, codes.py)
app.py          commands and options, as Typer sees them; completion.py for shells
workplace.py    what commands work with, opened and closed
addresses.py    what people type, and sides.py what a run gets from it
moving.py, scanning.py, connecting.py, ...   one module a command
display.py      a run while it works (rate.py, picture.py), outcome_table.py when it has ended
"""
