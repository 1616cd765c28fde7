"""The names that PostgreSQL generates for the sequence and the NOT NULL constraint of a column."""

from __future__ import annotations

_MAX_BYTES = 63  # NAMEDATALEN - 1


def default_name(table: str, column: str, label: str) -> str:
    """Return the name that PostgreSQL generates (``makeObjectName()``, ``commands/indexcmds.c``).

    ``label``: ``seq`` or ``not_null``. The table name and the column name are shortened, the longer one first,
    until the whole name fits into an identifier.
    """
    available = _MAX_BYTES - len(label) - 2
    first, second = table.encode(), column.encode()
    while len(first) + len(second) > available:
        if len(first) > len(second):
            first = first[:-1]
        else:
            second = second[:-1]
    return f"{first.decode(errors='ignore')}_{second.decode(errors='ignore')}_{label}"
