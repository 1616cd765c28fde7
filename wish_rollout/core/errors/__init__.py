"""All errors that a user can receive: one module a subject, one class tree below ``base.RolloutError``.

An error states what happened, why it matters and which command to run next. Its class determines the exit code.
"""
