"""Every error that a user can meet, one module a subject, one tree below ``base.RolloutError``.

An error says what happened, why it matters and what to do next; its class determines the exit code.
"""
