"""The files in ``meta/``: what each revision was recorded to lead to, lock, and import.

Who records it is in ``rollout/replay``.
"""
