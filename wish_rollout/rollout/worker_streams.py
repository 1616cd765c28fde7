"""The input and the output of a worker process, kept apart from those of the scripts that it runs."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import BinaryIO

THRESHOLDS = 50_000, 20, 20
"""Thresholds of the garbage collector: imports create hundreds of thousands of permanent objects."""


def take_streams() -> tuple[BinaryIO, BinaryIO]:
    """Return the orders and the output of this process, whose standard input is empty then, and its output that for errors.

    Whatever scripts print must not be read as a result, and they and their children must not wait for orders.
    """
    gc.set_threshold(*THRESHOLDS)
    orders = os.fdopen(os.dup(sys.stdin.fileno()), "rb")
    output = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), sys.stdin.fileno())
    return orders, output
