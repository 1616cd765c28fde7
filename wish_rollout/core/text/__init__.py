"""Text: tokens of SQL statements, redaction of secrets, statements as they are displayed.

Code that reads or writes a database does not belong here.
"""
