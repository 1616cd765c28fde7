"""Plans: reading environments, deciding what a release does to each, and refusing what is unsafe.

Nothing here changes a database.
"""
