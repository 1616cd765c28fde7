"""Fleets, without a server."""
