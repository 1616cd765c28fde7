"""Starts the program: ``wish-rollout``, or ``python -m wish_rollout``."""

import atexit
import gc

YOUNG, MIDDLE, OLD = 50_000, 20, 20
"""Importing makes hundreds of thousands of objects that stay; at the default thresholds, a tenth of a short
command's time would go into looking through them for cycles, again and again."""


def main() -> None:
    """Run the program, which imports only now."""
    gc.set_threshold(YOUNG, MIDDLE, OLD)
    atexit.register(gc.freeze)  # and the same, once more, when the interpreter ends: another tenth
    from wish_rollout.cli.main import main as run

    run()


if __name__ == "__main__":
    main()
