"""Errors about the effects of a release on rows and on other sessions."""

from __future__ import annotations

from dataclasses import dataclass

from wish_rollout.core.errors.base import ConfigurationError, EnvironmentRefused


@dataclass(eq=False)
class HazardsNotAllowed(EnvironmentRefused):
    """The release has hazards on this database, and its scripts do not allow them."""

    hazards: str
    instead: str
    allow: str

    summary = "The release has hazards for '{environment}': {hazards}."
    hint = (
        "use the safe way:\n{instead}\nor allow the hazard in the revision's script, by name and with the reason: {allow}; "
        "if the script is not to be changed, in rollout.toml: [release.allow_hazards.REVISION]"
    )


@dataclass(eq=False)
class BlockedSessions(EnvironmentRefused):
    """Every attempt blocked other sessions for longer than the budget allows."""

    sessions: int
    longest_ms: int
    attempts: int

    summary = (
        "Migrating '{environment}' blocked {sessions} other sessions, the longest for {longest_ms} ms; "
        "stopped after {attempts} attempts."
    )
    explanation = (
        "Sessions that come after a waiting lock request wait as well, so each attempt was rolled back."
    )
    hint = "try at a quieter time; or end the session that it waits for: SELECT pid, state, query FROM pg_stat_activity"


@dataclass(eq=False)
class BlockingTransactionsOpen(EnvironmentRefused):
    """Transactions that the release would wait for did not end in time."""

    seconds: float
    blockers: str

    summary = "The release would have to wait in '{environment}': {blockers}; waited {seconds:.0f} s."
    explanation = "While the release waits for a lock, every later session that needs the table would wait for the release."
    hint = "wait until it ends, or end it: SELECT pg_terminate_backend(PID), ROLLBACK PREPARED 'GID'; then: wish-rollout apply"


@dataclass(eq=False)
class InvalidHazardAllowance(ConfigurationError):
    """The value of ``allow_hazards`` in a script is wrong."""

    revision: str
    reason: str
    kinds: str

    summary = "allow_hazards of revision {revision} cannot be used: {reason}."
    explanation = "An allowed hazard must be named exactly, with the reason for the approver."
    hint = 'write it like this: allow_hazards = {{"KIND": "the reason"}}; the kinds are {kinds}'


@dataclass(eq=False)
class RowsDoNotFit(EnvironmentRefused):
    """Existing rows violate a requirement of the new schema."""

    found: str
    rehearsed: str
    sql: str

    summary = "The release would fail on rows of '{environment}': {found}."
    explanation = "A rehearsal on a scratch server with some of these rows ended with: {rehearsed} Nothing was changed anywhere."
    hint = (
        "see the rows:\n{sql}\nthen correct them in the revision itself, before the statement that requires it; or, if the "
        "rehearsal is wrong because the release corrects them with rows that the rehearsal did not have: "
        'allow_hazards = {{"rows-do-not-fit": "the reason"}}'
    )


@dataclass(eq=False)
class LocksUnavailable(EnvironmentRefused):
    """The locks of the release were not available in time. ``seconds``: how long they were requested."""

    tables: str
    seconds: float
    requests: int
    holders: str
    state: str
    again: str

    summary = (
        "The locks of the release in '{environment}' were not available: {tables}; requested {requests} times in "
        "{seconds:.0f} s."
    )
    explanation = (
        "{holders} The requests do not wait in the queue for longer than longest_wait_ms, because later sessions "
        "would wait behind them. {state}"
    )
    hint = (
        "end the sessions that hold the locks, or try at a quieter time: {again}; or allow longer waits for this "
        "environment in rollout.toml: budgets = {{ longest_wait_ms = 200 }}"
    )


@dataclass(eq=False)
class WatchdogMissing(EnvironmentRefused):
    """The process that watches the migration has no connection to the server."""

    reason: str

    summary = "Nothing watches the migration of '{environment}': {reason}."
    explanation = (
        "The next statement takes a lock that blocks queries, or it is not known which locks it takes. Without the "
        "watchdog, other sessions could wait for it without limit. The open transaction was rolled back."
    )
    hint = (
        "the watchdog needs one more connection; compare SHOW max_connections, and the CONNECTION LIMIT of the role and "
        "of the database, with: SELECT count(*) FROM pg_stat_activity"
    )
