"""Benchmarks: each figure is a ratio to another program that is measured in the same run."""
