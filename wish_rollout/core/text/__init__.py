"""SQL text and text for people: tokens of statements, redaction of secrets, display of statements.

What reads or writes a database does not belong here.
"""
