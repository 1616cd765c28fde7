"""Writing a new revision from the difference between the models and the scripts.

Statements of a remedy are written in ``core/remedy``.
"""
