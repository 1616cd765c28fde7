"""What can be wrong with where an Alembic project keeps its scripts, and with the function that says so."""

from __future__ import annotations

from dataclasses import dataclass

from wish_rollout.core.errors.base import ConfigurationError

SETTING = '[release] alembic_config = "module:function"'


@dataclass(eq=False)
class ConfigurationFunctionFailed(ConfigurationError):
    """The function that prepares Alembic's configuration cannot be used."""

    function: str
    reason: str

    summary = "{function}, the alembic_config of rollout.toml, cannot be used: {reason}."
    explanation = (
        "It takes no argument, and returns the alembic.config.Config that the application passes to alembic.command. "
        "It is called without a database, because the release is read from files."
    )
    hint = (
        "correct the function; or, if the application must load its settings first, write a function beside rollout.toml "
        f"that does, and name it in rollout.toml: {SETTING}; then: wish-rollout check; --debug shows the traceback"
    )


@dataclass(eq=False)
class UnreadScripts(ConfigurationError):
    """Scripts in sub-folders belong to the release, and the configuration names no version folder that has them."""

    folder: str
    count: str
    example: str

    summary = "{folder} has {count} that the release would leave out, among them {example}."
    explanation = (
        "They follow a revision of the release, or it has none. Alembic reads the folders of version_locations, and "
        "their sub-folders only with recursive_version_locations; so databases would be reported in step without them."
    )
    hint = (
        "if the files that configure Alembic can say it: version_locations or recursive_version_locations = true; if the "
        f"application sets the folders, name its function in rollout.toml: {SETTING}; if they are no part of the "
        "release, move them out of the script folder; then: wish-rollout check"
    )


@dataclass(eq=False)
class ChangedVersionFolders(ConfigurationError):
    """env.py chooses other version folders than the configuration does."""

    path: str
    configured: str
    chosen: str

    summary = "{path} sets the version folders {chosen}; the release was read from {configured}."
    explanation = "The plan and the approval would be about other revisions than those that env.py runs. Nothing was changed."
    hint = (
        "name these folders where the release is read: version_locations in alembic.ini or pyproject.toml, or a "
        f"function that returns a Config with them, in rollout.toml: {SETTING}; then: wish-rollout check"
    )


@dataclass(eq=False)
class ScriptLocationMissing(ConfigurationError):
    """alembic.ini names a script folder that is not there."""

    path: str
    location: str

    summary = "{path} names the script folder {location}, and that has no env.py."
    explanation = (
        "Relative paths in it begin in the folder in which alembic is started, and some applications replace the path "
        "before they use the file. Nothing was written."
    )
    hint = (
        "run this where you start alembic: cd FOLDER && wish-rollout init; or, if the application prepares its Alembic "
        "Config in code, name the function that returns it: wish-rollout init --alembic-config module:function"
    )


@dataclass(eq=False)
class UnclearBranch(ConfigurationError):
    """A revision is to be written for a release with several heads."""

    heads: str
    first: str

    summary = "The release has several heads ({heads}), and a new revision follows one of them."
    explanation = "generate compares one schema with the models, which says nothing of branches. No revision was written."
    hint = (
        "write it with Alembic: alembic revision --head {first} -m 'what it does'; then record it: "
        "wish-rollout generate --record"
    )
