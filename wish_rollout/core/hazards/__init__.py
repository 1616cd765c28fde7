"""Hazards: dangers of a release's statements to one database in its current state.

``assessment`` assesses pending revisions: locks, scans and written rows from measurements (``measured_hazards``), the rest by
the rules in ``rules``. Facts about live tables are read in ``postgres.rows``.
"""
