"""Parsing of TOML files, each text once: Python's parser takes milliseconds for the file of an ordinary project."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@lru_cache(maxsize=16)
def parse_toml(text: str) -> Mapping[str, Any]:
    """Return the values of a TOML document. All callers share them, so they must not be modified.

    Raises tomllib.TOMLDecodeError.
    """
    return tomllib.loads(text)
