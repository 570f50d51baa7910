"""Migrations as people plan and watch them: pairs, maps, schedules, runs, reports; and the work that runners take.

The database is the truth: a run starts by a row in `pair_runs`, and is paused or cancelled by a wish in that row.
`states.py` draws the machine, `work.py` is what runners call, `orchestration.py` what they are told by.
"""
