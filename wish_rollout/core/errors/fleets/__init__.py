"""Errors of fleets: their lists of targets and waves, and the work on them."""
