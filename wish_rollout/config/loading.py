"""Finds and reads ``rollout.toml`` and the ``.env`` files."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

from pydantic import ValidationError

from wish_rollout.config.configuration import Config
from wish_rollout.config.sections import CONFIG_NAME, SANDBOX_VARIABLE
from wish_rollout.config.validation_messages import describe_errors
from wish_rollout.core.errors.configuration import ConfigurationNotFound, InvalidConfiguration
from wish_rollout.core.text.toml_text import parse_toml

CONFIG_VARIABLE = "WISH_ROLLOUT_CONFIG"


def find_config(start: Path | None = None) -> Path:
    """Return the path of ``rollout.toml``.

    It is the value of WISH_ROLLOUT_CONFIG if that is set; otherwise the file in ``start`` (default: the current
    directory) or in the nearest parent directory. Raises ``ConfigurationNotFound``.
    """
    if named := os.environ.get(CONFIG_VARIABLE):
        return Path(named).resolve()
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / CONFIG_NAME).is_file():
            return folder / CONFIG_NAME
    raise ConfigurationNotFound(str(here))


def load_config(path: Path | None = None) -> Config:
    """Return the configuration, after reading ``.env.local`` and ``.env`` in the same folder.

    ``path``: the file; default: see ``find_config``. Raises ``ConfigurationNotFound`` and ``InvalidConfiguration``.
    """
    path = path or find_config()
    try:
        values = parse_toml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InvalidConfiguration(str(path), reason or type(error).__name__) from None
    load_dotenv(path.parent)
    try:
        return Config.model_validate({**values, "root": path.parent, "file": path.name})
    except ValidationError as error:
        raise InvalidConfiguration(str(path), "; ".join(describe_errors(error, Config, values))) from None


def load_dotenv(folder: Path) -> None:
    """Set environment variables from ``.env.local`` and ``.env``. A variable that is already set keeps its value.

    ``.env.local`` has precedence over ``.env``. Dagster's commands set the variables of ``.env`` before they load
    this package, so a variable whose value equals the one in ``.env`` can still be set from ``.env.local``.
    """
    files = folder / ".env", folder / ".env.local"
    if os.environ.get(SANDBOX_VARIABLE) or not any(path.exists() for path in files):
        return
    from dotenv import dotenv_values

    shared, local = map(dotenv_values, files)
    for key, value in {**shared, **local}.items():
        if value is not None and os.environ.get(key) in (None, shared.get(key)):
            os.environ[key] = value
