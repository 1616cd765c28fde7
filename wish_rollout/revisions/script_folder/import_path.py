"""Python's import path while the project's code is imported."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def import_path(folder: str) -> Iterator[None]:
    """Have a folder on the import path meanwhile."""
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)
