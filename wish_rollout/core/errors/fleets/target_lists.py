"""Errors of a fleet's list of targets and of its waves: exit 2, no target was connected to."""

from __future__ import annotations

from dataclasses import dataclass

from wish_rollout.core.errors.configuration import EnvironmentConfigurationError


@dataclass(eq=False)
class TargetListFailed(EnvironmentConfigurationError):
    """The file, command or query that gives the targets of a fleet failed."""

    source: str
    reason: str

    summary = "The list of targets of '{environment}' could not be read from {source}: {reason}."
    explanation = (
        "No earlier list is used instead, because a target could be missing from it; nothing was started."
    )
    hint = "run it by hand as the same operating system user; then: wish-rollout status {environment}"


@dataclass(eq=False)
class TargetListEmpty(EnvironmentConfigurationError):
    """The list of targets of a fleet is empty."""

    source: str

    summary = "The list of targets of '{environment}' from {source} is empty."
    explanation = (
        "A rollout to no database would succeed without having done anything, so it was not started."
    )
    hint = "correct {source}; or remove the environment '{environment}' from rollout.toml"


@dataclass(eq=False)
class TargetInvalid(EnvironmentConfigurationError):
    """An entry in the list of targets cannot be used. ``entry``: its name, or its number in the list."""

    entry: str
    reason: str

    summary = "The target {entry} of '{environment}' cannot be used: {reason}."
    explanation = "The entry itself is not shown because it may contain a password; nothing was started."
    hint = "one line for each target: NAME, or NAME and attributes as KEY=VALUE, or a JSON object with name and attributes"


@dataclass(eq=False)
class TargetAttributeMissing(EnvironmentConfigurationError):
    """A target has not the attribute that the URL of its fleet names. ``attribute``: "…" if it is in the password of the URL."""

    target: str
    attribute: str

    summary = "The target '{target}' of '{environment}' has no attribute '{attribute}', which the URL of '{environment}' names."
    explanation = "Its database is not known, so nothing was started."
    hint = (
        "add the attribute to the list, or correct the place in the URL; write braces that belong to the URL, as in a password, as "
        "%7B and %7D"
    )


@dataclass(eq=False)
class TargetNamedTwice(EnvironmentConfigurationError):
    """Two targets of a fleet have the same name."""

    name: str

    summary = "The list of targets of '{environment}' contains '{name}' more than once."
    explanation = (
        "The name identifies the target in commands, in Dagster and in the ledger; nothing was started."
    )
    hint = "give each target its own name, or remove the repeated entry"


@dataclass(eq=False)
class TargetsShareDatabase(EnvironmentConfigurationError):
    """Two targets of a fleet are one database."""

    target: str
    other: str

    summary = "The targets '{target}' and '{other}' of '{environment}' are the same database."
    explanation = "One of them would count as migrated although its own database was not read."
    hint = "correct the URL of one of them in the list; then: wish-rollout status {environment}"


@dataclass(eq=False)
class UrlTemplateInvalid(EnvironmentConfigurationError):
    """The URL of a fleet has no place for the name of a target."""

    source: str

    summary = "The URL of '{environment}' in {source} has no place for the name of a target."
    explanation = "All targets would be the same database, so nothing was started."
    hint = (
        "write {{name}}, or an attribute of the targets, where they differ: postgresql://USER@HOST/{{name}}"
    )


@dataclass(eq=False)
class WaveEmpty(EnvironmentConfigurationError):
    """A wave of a fleet contains no target."""

    wave: str

    summary = "The wave '{wave}' of '{environment}' contains no target."
    explanation = "The waves after it would begin without a test on the targets that it should contain."
    hint = "correct its match, where or percent in rollout.toml; then: wish-rollout plan {environment}"


@dataclass(eq=False)
class WavesOverlap(EnvironmentConfigurationError):
    """A target belongs to two waves of a fleet."""

    target: str
    wave: str
    other: str

    summary = "The target '{target}' of '{environment}' belongs to the waves '{wave}' and '{other}'."
    explanation = "Each target is migrated in one wave; which one would depend on the order of the file."
    hint = "correct match or where of one of them in rollout.toml; then: wish-rollout plan {environment}"


@dataclass(eq=False)
class TargetsWithoutWave(EnvironmentConfigurationError):
    """Targets of a fleet belong to no wave. ``first``: one of them."""

    count: int
    first: str

    summary = "{count} targets of '{environment}' belong to no wave, '{first}' among them."
    explanation = "They would never be migrated, so nothing was started."
    hint = "add a last wave to rollout.toml:\n[[environment.wave]]\nrest = true"
