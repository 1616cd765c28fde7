"""Finding and reading ``rollout.toml`` and the environment's variables."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

from pydantic import ValidationError

from wish_rollout.config.configuration import Config
from wish_rollout.config.sections import CONFIG_NAME
from wish_rollout.config.validation_messages import reasons
from wish_rollout.core.errors.configuration import InvalidConfiguration, ConfigurationNotFound

CONFIG_VARIABLE = "WISH_ROLLOUT_CONFIG"
SANDBOX_VARIABLE = "WISH_ROLLOUT_SANDBOX"
"""Set in processes that must not leave the sandbox, whatever the files beside rollout.toml say."""


def find_config(start: Path | None = None) -> Path:
    """Find the file: the variable WISH_ROLLOUT_CONFIG, else this folder or the nearest one above."""
    if named := os.environ.get(CONFIG_VARIABLE):
        return Path(named).resolve()
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / CONFIG_NAME).is_file():
            return folder / CONFIG_NAME
    raise ConfigurationNotFound(str(here))


def load_config(path: Path | None = None) -> Config:
    """Read the file and, beside it, ``.env.local`` and ``.env``; raise BadConfiguration."""
    path = path or find_config()
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InvalidConfiguration(str(path), reason or type(error).__name__) from None
    load_dotenv(path.parent)
    try:
        return Config.model_validate({**values, "root": path.parent, "file": path.name})
    except ValidationError as error:
        raise InvalidConfiguration(str(path), "; ".join(reasons(error, Config, values))) from None


def load_dotenv(folder: Path) -> None:
    """Fill the process's environment from ``.env.local``, then ``.env``; what is set stays.

    Dagster's own commands put the values of ``.env`` over the process's before any code of ours runs, so a
    value that equals the one in ``.env`` counts as coming from there, and ``.env.local`` goes before it.
    """
    files = folder / ".env", folder / ".env.local"
    if os.environ.get(SANDBOX_VARIABLE) or not any(path.exists() for path in files):
        return
    from dotenv import dotenv_values

    shared, own = map(dotenv_values, files)
    for key, value in {**shared, **own}.items():
        if value is not None and os.environ.get(key) in (None, shared.get(key)):
            os.environ[key] = value
