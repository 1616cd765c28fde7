"""Values and decisions that need nothing but the standard library.

Subpackages by subject: schema, release, plan, approval, hazards, remedy, rows, errors, text.
Nothing here opens a file, a connection or a process.
"""
