"""Writes docs/reference from the code: ``make reference``. tests/docs compares the pages with the code."""
