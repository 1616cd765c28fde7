"""Errors of commands and rollouts that work on a fleet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wish_rollout.core.errors.base import EnvironmentRefused, RolloutError
from wish_rollout.core.errors.configuration import EnvironmentConfigurationError


@dataclass(eq=False)
class UnknownFleetTarget(EnvironmentConfigurationError):
    """A target or wave that a fleet does not have. ``kind``: target or wave."""

    kind: str
    name: str

    summary = "'{environment}' has no {kind} named '{name}'."
    explanation = "The names are compared exactly."
    hint = "see all of them: wish-rollout status {environment}"


class NoTargetSelected(EnvironmentConfigurationError):
    """Neither targets nor a wave of a fleet were given, where some of its targets have to be selected."""

    summary = "No target of '{environment}' is selected: neither targets nor a wave are given."
    explanation = "Nothing was changed; a run without targets would succeed without having done anything."
    hint = "name them: wish-rollout rollback {environment} --target NAME --to REVISION, or --wave NAME"


class FleetNotInSandbox(EnvironmentConfigurationError):
    """A fleet was used in the sandbox. The list could name real databases."""

    summary = "'{environment}' is a fleet of databases, and the sandbox has none for its targets."
    explanation = "The list of targets may name real databases, which the sandbox must not reach."
    hint = "leave the sandbox (unset WISH_ROLLOUT_SANDBOX) to use the fleet"


class NotAFleet(EnvironmentConfigurationError):
    """An option for a fleet was used for an environment with one database."""

    summary = "'{environment}' is not a fleet: rollout.toml gives it no targets."
    explanation = "--target and --wave choose databases of a fleet. Nothing was changed."
    hint = "leave out --target and --wave: wish-rollout rollback {environment}"


@dataclass(eq=False)
class FleetNotSupported(EnvironmentConfigurationError):
    """A command that works on one database was called for a fleet."""

    summary = "'{environment}' is a fleet of databases, and this command works on one database."
    explanation = "Nothing was read and nothing was changed."
    hint = (
        "name one target: {environment}/NAME; for all of them: wish-rollout plan {environment}, "
        "wish-rollout status {environment}, wish-rollout drift {environment}, wish-rollout apply"
    )


class FleetCleanRefused(EnvironmentRefused):
    """``--clean`` was used for a fleet."""

    summary = "'{environment}' is a fleet, and no target of a fleet is cleaned."
    explanation = "--clean drops the conflicting objects with their rows, which would be done in many databases at once."
    hint = (
        "see the conflicting objects: wish-rollout plan {environment}; drop them in agreement with their owners, "
        "then: wish-rollout apply"
    )


@dataclass(eq=False)
class TargetChoiceRefused(EnvironmentRefused):
    """``--adopt`` or ``--replan`` names one target of a gated fleet. ``option``: which of them."""

    option: str
    fleet: str

    summary = "--{option} cannot name '{environment}', which is a target of a gated fleet."
    explanation = "The approval of a wave names what is done on its targets, and not on which of them. Nothing was changed."
    hint = "choose it for all: wish-rollout apply --{option} {fleet}; a target that does not need it is migrated as without it"


@dataclass(eq=False)
class TargetNotSupported(EnvironmentConfigurationError):
    """A command that runs a Dagster job of an environment was called for one target of a fleet."""

    command: str

    summary = "The command {command} does not support '{environment}', which is a target of a fleet, yet."
    explanation = "It runs a job of Dagster in which single targets cannot be selected. Nothing was changed."
    hint = (
        "compare its schema with that of its revision: wish-rollout drift {environment}; "
        "roll it back: wish-rollout rollback {environment} --to REVISION"
    )


@dataclass(eq=False)
class SoakTooLong(EnvironmentConfigurationError):
    """The waves of a fleet soak for a longer time than Dagster lets a run take. Times are in seconds."""

    soak: float
    limit: float

    summary = (
        "The waves of '{environment}' soak for {soak:g} s in all, and Dagster ends a run after {limit:g} s."
    )
    explanation = "The run would be marked as failed before its last wave begins, so nothing was changed."
    hint = "shorten soak in rollout.toml, or raise max_runtime_seconds under run_monitoring in dagster.yaml"


@dataclass(eq=False)
class TargetNotApproved(EnvironmentRefused):
    """The approval of a wave does not contain a target: it came later, could not be planned, or is in another wave."""

    scope: str

    summary = "'{environment}' is not among the targets of an approval for {scope}."
    explanation = "The approver has not seen its plan, so it was not changed."
    hint = "run the same command again: it requests an approval for the targets that are left"


@dataclass(eq=False)
class FleetIncomplete(RolloutError):
    """A rollout has not reached all targets of a fleet. ``first``: the error of the first failed target.

    ``failures``: the targets that have failed or were not begun, those with the same error together.
    """

    environment: str
    total: int
    failed: int
    waiting: int
    first: str
    failures: tuple[dict[str, Any], ...] = ()

    summary = "{failed} of {total} targets of '{environment}' failed, and {waiting} were not begun. The first error: {first}"
    explanation = "Every other target is verified."
    hint = (
        "correct the causes, which are listed by target, then run the same command again: it continues with the targets that are "
        "not done; the state of all: wish-rollout status {environment}"
    )


@dataclass(eq=False)
class EarlierEnvironmentNotInStep(EnvironmentRefused):
    """The step or partitions of a fleet were executed before an earlier environment is at the head of the release."""

    earlier: str
    verdict: str

    summary = (
        "The targets of '{environment}' were not changed: '{earlier}', which comes before it, is {verdict}."
    )
    explanation = "A release reaches the environments in the order of rollout.toml."
    hint = "apply the release to all environments in order: wish-rollout apply"


@dataclass(eq=False)
class FleetWorkerFailed(RolloutError):
    """A worker process of a fleet did not start, or ended while it worked on a target."""

    environment: str
    reason: str

    summary = "A worker process for '{environment}' has ended: {reason}."
    explanation = (
        "What it had committed is kept and recorded in the ledger; its open transaction is rolled back."
    )
    hint = "see the state: wish-rollout status; then run the same command again"


@dataclass(eq=False)
class NoConnectionFree(EnvironmentRefused):
    """No server of a fleet accepts the sessions that the work on one target needs.

    ``servers``: how many servers there are. ``free``: the most free connections that one of them has. ``needed``: by a target.
    """

    servers: int
    free: int
    needed: int

    summary = (
        "No target of '{environment}' can be worked on: {servers} servers have at most {free} free connections, and a target "
        "needs {needed}."
    )
    explanation = (
        "max_connections, or the connection limit of the role, is reached. Nothing was begun: the connections of "
        "applications are not taken."
    )
    hint = (
        "compare SHOW max_connections, the CONNECTION LIMIT of the role, and select count(*) from pg_stat_activity; close "
        "sessions, then run the same command again"
    )


class FleetReleaseChanged(EnvironmentRefused):
    """The files of the release were changed after a rollout to a fleet had begun. A worker process reads them when it starts."""

    summary = "the scripts were changed after the rollout to '{environment}' had begun"
    explanation = "The worker would bring its targets to another release than the one that the earlier environments have."
    hint = "apply the release that is there now to all environments in order: wish-rollout apply"
