"""Graphs: which objects of a schema depend on which, and in which order steps have to run."""
