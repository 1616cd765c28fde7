"""The entry point of ``wish-rollout`` and ``python -m wish_rollout``."""

import atexit
import gc

THRESHOLDS = 50_000, 20, 20
"""Thresholds of the garbage collector. Imports create hundreds of thousands of permanent objects; with the default
thresholds, a short command would spend a tenth of its time on searching them for cycles."""


def main() -> None:
    """Configure the garbage collector, then import and run the program."""
    gc.set_threshold(*THRESHOLDS)
    atexit.register(gc.freeze)  # skips the collection at exit, which takes another tenth
    from wish_rollout.cli.main import main as run

    run()


if __name__ == "__main__":
    main()
