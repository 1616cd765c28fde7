"""Running env.py and the revisions on our session, and listening to what they send.

Which statements are allowed, and when, is decided by the callers in ``rollout``.
"""
