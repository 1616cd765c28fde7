"""Sessions: connections, their limits, their locks, and the server's errors.

What is executed in a session is in the other subpackages.
"""
