"""Values and decisions, from the standard library alone.

Subpackages group them by subject: schema, release, plan, approval, hazards, remedy, rows, errors, text.
Nothing here opens a file, a connection or a process.
"""
