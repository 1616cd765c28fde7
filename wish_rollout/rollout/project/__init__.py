"""A project: its configuration, its release, and the schemas that its history promises.

Files of the release are in ``release``, the servers in ``servers``, replays in ``replay``.
"""
