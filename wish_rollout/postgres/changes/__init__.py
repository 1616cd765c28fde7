"""What transactions have changed in the system catalogs, without reading them as a whole.

Reading a whole schema is in ``catalog``.
"""
