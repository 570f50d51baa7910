"""Who may do what in a PostgreSQL database: one role a process, with the least that it works with.

words.py       roles, and what one may do with a table
privileges.py  for each table and role: which columns, which rows
statements.py  the same as SQL
applying.py    done to a database
"""
