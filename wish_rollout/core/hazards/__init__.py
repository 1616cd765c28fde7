"""Hazards: typed dangers of a release's statements to one database as it is now.

``assessment`` judges pending revisions by the rules in ``rules``; what a statement does is read by ``script_statements``.
Reading rows and sizes of live tables is in ``postgres.rows``.
"""
