"""Archives of rollbacks on real servers."""
