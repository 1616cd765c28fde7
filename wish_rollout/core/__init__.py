"""Values and decisions, from the standard library alone."""
