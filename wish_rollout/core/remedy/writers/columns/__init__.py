"""The statements for columns and their defaults."""
