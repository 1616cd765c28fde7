"""The rules that find hazards: one module a kind of hazard, with its text.

What several rules need is in ``core.hazards``.
"""
