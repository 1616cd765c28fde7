"""Ends of dollar-quoted constants (PostgreSQL manual, 4.1.2.4), found in time that is linear in the length of a text.

A regular expression searches to the end of the text for each delimiter that is never closed.
"""

from __future__ import annotations

import re

OPENING = r"\$(?:[A-Za-z_]\w*)?\$"
_DELIMITER = re.compile(rf"(?=({OPENING}))")


class DollarQuotes:
    """The dollar-quoted constants of one text. ``searched``: how many characters were searched for ends of constants."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.searched = 0
        self._last = {found[1]: found.start() for found in _DELIMITER.finditer(text)}

    def end(self, delimiter: str, start: int) -> int | None:
        """Return the index after the constant, or None if it is not closed.

        ``delimiter``: such as ``$tag$``. ``start``: the index after it. A caller that continues at the result searches
        no character twice.
        """
        if self._last.get(delimiter, -1) < start:
            return None
        closing = self.text.index(delimiter, start)
        self.searched += closing - start
        return closing + len(delimiter)
