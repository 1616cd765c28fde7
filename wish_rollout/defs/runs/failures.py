"""Conversion of the project's errors to Dagster failures, with metadata that the command line reads back."""

from __future__ import annotations

import os
import sys
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import dagster as dg

from wish_rollout.core.errors.base import DEBUG, RolloutError
from wish_rollout.core.text.redaction import redact
from wish_rollout.defs.events.limits import MAX_TEXT_BYTES, limited_items

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ERROR = "wish_rollout/error"
EXIT_CODE = "wish_rollout/exit_code"
ENVIRONMENT = "wish_rollout/environment"
TARGETS = "wish_rollout/failed_targets"


@contextmanager
def rollout_errors_as_failures() -> Iterator[None]:
    """Raise each RolloutError of the block as a Dagster Failure.

    Op retries are disabled, because a retry would find the same database. The exception chain is cut, because a
    driver's error may quote values that the RolloutError omits.
    """
    try:
        yield
    except RolloutError as error:
        if os.environ.get(DEBUG):
            sys.stderr.write(redact("".join(traceback.format_exception(error))))
        raise as_failure(error) from None


def as_failure(error: RolloutError) -> dg.Failure:
    """Return a Failure with the error's text as description; metadata: its class, its exit code, and targets that failed."""
    metadata: dict[str, Any] = {ERROR: type(error).__name__, EXIT_CODE: error.exit_code}
    fields = error.as_dict()
    if failures := fields.get("failures"):
        metadata[TARGETS] = limited_groups(failures)
    if environment := fields.get("environment"):
        metadata[ENVIRONMENT] = str(environment)
    return dg.Failure(
        description=str(error),
        metadata=metadata,
        allow_retries=False,
    )


def limited_groups(groups: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return groups of failed targets within the size of an event. ``count``: how many targets there are, named or not."""
    named = [{**each, "targets": limited_items(each["targets"])[0]} for each in groups]
    return limited_items(named, MAX_TEXT_BYTES)[0]
