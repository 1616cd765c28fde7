"""The work on a fleet, on real servers."""
