"""The order of things: read → plan → lock → apply → verify."""
