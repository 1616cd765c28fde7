"""The text of an exception of the project's code, for a sentence of an error."""

from __future__ import annotations


def describe_exception(error: BaseException) -> str:
    """Return the class and the message of an exception in one line, without a final full stop."""
    return one_line(f"{type(error).__name__}: {error}")


def one_line(text: str) -> str:
    """Return a text in one line, without a final full stop: the sentence that quotes it has its own."""
    return " ".join(text.split()).rstrip(".")
