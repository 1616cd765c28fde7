"""Keeping what other libraries would log of a secret out of every log, whatever level that has."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SILENT = logging.CRITICAL + 1
_lock = threading.Lock()
_hushed: dict[str, tuple[int, dict[str, int]]] = {}
"""By library: how many are inside, and the levels that its loggers had before the first of them."""


@contextmanager
def hushed(*libraries: str) -> Iterator[None]:
    """Let these libraries log nothing in the block, nor what they have below them; also where threads overlap.

    What they log of a request is its address, and of an address the path may be a token.
    """
    for library in libraries:
        _enter(library)
    try:
        yield
    finally:
        for library in libraries:
            _leave(library)


def _enter(library: str) -> None:
    with _lock:
        inside, before = _hushed.get(library, (0, {}))
        if not inside:
            known = [name for name in logging.root.manager.loggerDict if f"{name}.".startswith(f"{library}.")]
            before = {name: logging.getLogger(name).level for name in (*known, library)}
            for name in before:
                logging.getLogger(name).setLevel(SILENT)
        _hushed[library] = inside + 1, before


def _leave(library: str) -> None:
    with _lock:
        inside, before = _hushed.pop(library)
        if inside > 1:
            _hushed[library] = inside - 1, before
            return
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)
