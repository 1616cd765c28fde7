"""Reading rows of user tables: samples, counts, statistics, and checks against requirements.

Not here: the requirements themselves (``core.rows``).
"""
