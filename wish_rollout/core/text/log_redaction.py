"""Suppression of other libraries' log records that could contain a secret, at every log level."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

DISABLED = logging.CRITICAL + 1
_lock = threading.Lock()
_suppressed: dict[str, tuple[int, dict[str, int]]] = {}
"""Library → the number of active ``suppressed_logs`` blocks, and the levels of its loggers before the first one."""


@contextmanager
def suppressed_logs(*libraries: str) -> Iterator[None]:
    """Disable the loggers of these libraries and their child loggers in the block, also if threads overlap.

    HTTP libraries log the URL of a request, and the path of a URL may be a token.
    """
    for library in libraries:
        _suppress(library)
    try:
        yield
    finally:
        for library in libraries:
            _restore(library)


def _suppress(library: str) -> None:
    with _lock:
        blocks, levels = _suppressed.get(library, (0, {}))
        if not blocks:
            children = [
                name for name in logging.root.manager.loggerDict if f"{name}.".startswith(f"{library}.")
            ]
            levels = {name: logging.getLogger(name).level for name in (*children, library)}
            for name in levels:
                logging.getLogger(name).setLevel(DISABLED)
        _suppressed[library] = blocks + 1, levels


def _restore(library: str) -> None:
    with _lock:
        blocks, levels = _suppressed.pop(library)
        if blocks > 1:
            _suppressed[library] = blocks - 1, levels
            return
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
