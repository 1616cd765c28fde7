"""Sessions: connections, timeouts, locks, transactions for reading, and the server's errors.

Not here: the statements that are executed in a session (the other subpackages).
"""
