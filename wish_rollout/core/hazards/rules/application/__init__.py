"""Rules for what breaks the application that is running: names, privileges and values that go away.

Rules for locks, scans and lost values are in the package above.
"""
