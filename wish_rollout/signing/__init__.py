"""SSH signatures: made with the keys that people have, checked without any program (decision 0002)."""
