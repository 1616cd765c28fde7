"""What a release would do to the rows and the users of a database on its way."""

from __future__ import annotations

from dataclasses import dataclass

from wish_rollout.core.errors.base import ConfigurationError, Refused


@dataclass(eq=False)
class HazardsNotAllowed(Refused):
    """The release is dangerous to this database as it is, and does not say that it may be."""

    environment: str
    hazards: str
    instead: str
    allow: str

    summary = "The release would endanger '{environment}': {hazards}."
    hint = "write it the safe way:\n{instead}\nor allow it in the revision's script, by name and with the reason: {allow}"


@dataclass(eq=False)
class BlockedSessions(Refused):
    """Every attempt within the window stood in the way of others."""

    environment: str
    sessions: int
    longest_ms: int
    attempts: int

    summary = (
        "Migrating '{environment}' held others up: {sessions} sessions, the longest for {longest_ms} ms; "
        "given up after {attempts} attempts."
    )
    explanation = (
        "What waits for a lock makes all wait that come after it, so it got out of their way each time."
    )
    hint = "try at a quieter time; or end what it waits for: SELECT pid, state, query FROM pg_stat_activity"


@dataclass(eq=False)
class BlockingTransactionsOpen(Refused):
    """Somebody stands in the way who will not be gone in a moment."""

    environment: str
    seconds: float
    who: str

    summary = "'{environment}' is not quiet: {who}; waited {seconds:.0f} s."
    explanation = "The release would wait for that, and whoever comes after it would wait for the release."
    hint = "wait for its end, or end it: SELECT pg_terminate_backend(PID), ROLLBACK PREPARED 'GID'; then: wish-rollout apply"


@dataclass(eq=False)
class InvalidHazardAllowance(ConfigurationError):
    """A script's ``allow_hazards`` is not what it has to be."""

    revision: str
    reason: str
    kinds: str

    summary = "allow_hazards of revision {revision} cannot be used: {reason}."
    explanation = "What is allowed must be named exactly, with the reason for the person who approves it."
    hint = 'write it like this: allow_hazards = {{"KIND": "why it may be"}}; the kinds are {kinds}'


@dataclass(eq=False)
class RowsDoNotFit(Refused):
    """Rows that are there break what the new schema demands of them."""

    environment: str
    found: str
    rehearsed: str
    sql: str

    summary = "The release would fail on rows of '{environment}': {found}."
    explanation = "Rehearsed on a scratch server with some of them, it ended so: {rehearsed} Nothing was touched anywhere."
    hint = (
        "see them:\n{sql}\nthen mend them in the revision itself, before the statement that demands it; or, if the rehearsal is "
        "wrong, since the release mends them from rows that it does not have: "
        'allow_hazards = {{"rows-do-not-fit": "why"}}'
    )
