"""The names that PostgreSQL itself gives to what it makes for a column."""

from __future__ import annotations

_LONGEST = 63  # NAMEDATALEN - 1


def default_name(table: str, column: str, label: str) -> str:
    """Give the name of a column's sequence (``seq``) or NOT NULL constraint (``not_null``).

    Both names are shortened, the longer one first, until the whole fits into an identifier.
    """
    room = _LONGEST - len(label) - 2
    first, second = table.encode(), column.encode()
    while len(first) + len(second) > room:
        if len(first) > len(second):
            first = first[:-1]
        else:
            second = second[:-1]
    return f"{first.decode(errors='ignore')}_{second.decode(errors='ignore')}_{label}"
