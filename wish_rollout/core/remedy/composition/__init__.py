"""The composition of a remedy: the statements of its steps, in their order."""
