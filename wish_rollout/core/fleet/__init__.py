"""Values and decisions of a fleet, which is an environment with many databases: targets, waves, failures, groups.

Not here: reading the list of targets (``rollout.servers``), and the work on the databases (``rollout.fleet``).
"""
