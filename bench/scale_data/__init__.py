"""Databases of any size for measuring search, made of real text.

    labels.py       what a meeting is called and marked with, so that filters of known shares exist
    core.py         real meetings, kept by the real services
    lines.py        what was said in them, line by line, each line analysed once
    recombining.py  further meetings, of those lines and of the real vectors
    copying.py      meetings into the tables, by COPY
    building.py     from the core to a whole database, going on where it was stopped
    adding.py       further meetings into a database in use, as ingest writes them
    server.py       the PostgreSQL that holds them, in var/scale

Import from the modules; the package itself exports nothing.
"""
