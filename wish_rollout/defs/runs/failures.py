"""Our errors as Dagster's failures, with what a program needs to read them back."""

from __future__ import annotations

import os
import sys
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING

import dagster as dg

from wish_rollout.core.errors.base import DEBUG, RolloutError
from wish_rollout.core.text.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Iterator

ERROR = "wish_rollout/error"
EXIT_CODE = "wish_rollout/exit_code"
ENVIRONMENT = "wish_rollout/environment"


@contextmanager
def told() -> Iterator[None]:
    """Turn a RolloutError into a Failure: its text as the description, class and exit code as metadata.

    A retry would meet the same database, so none is allowed. The chain is cut: a driver's error may quote
    what ours leaves out.
    """
    try:
        yield
    except RolloutError as error:
        if os.environ.get(DEBUG):
            sys.stderr.write(redact("".join(traceback.format_exception(error))))
        raise as_failure(error) from None


def as_failure(error: RolloutError) -> dg.Failure:
    """Make the Failure of an error."""
    metadata: dict[str, str | int] = {ERROR: type(error).__name__, EXIT_CODE: error.exit_code}
    if environment := error.as_dict().get("environment"):
        metadata[ENVIRONMENT] = str(environment)
    return dg.Failure(
        description=str(error),
        metadata=metadata,
        allow_retries=False,
    )
