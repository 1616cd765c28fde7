"""A process without secrets: for commands that execute the scripts of a pull request and need no environment."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from wish_rollout.sandbox.databases import DAGSTER_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.config import Config

SECRET_NAME = re.compile(
    r"TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|(?:^|_)KEY(?:$|_)|APIKEY|^AWS_|^AZURE_|^GOOGLE_|^GH_|^ACTIONS_|^CI_JOB_"
    r"|^PG(?:PASS|SERVICE|HOST|USER|SSL)|^SSH_(?:AUTH_SOCK|AGENT_PID)$|^VAULT_|^KUBE|^NETRC$|DSN$|DATABASE_URL",
    re.IGNORECASE,
)
"""Names of variables that usually hold a secret, or the way to one: an SSH agent could sign an approval."""
SECRET_VALUE = re.compile(r"\w://[^\s/@:]*:[^\s/@]+@|-----BEGIN [A-Z ]*PRIVATE KEY-----")
"""A URL with a password, or a private key."""


PLACEHOLDER = "removed-by-wish-rollout-check"
"""The value of an application's own secret, which its settings may demand."""
BY_TOOLS = re.compile(
    r"^(?:PG|SSH_|AWS_|AZURE_|GOOGLE_|GH_|GITHUB_|ACTIONS_|CI_|VAULT_|KUBE|NETRC|DAGSTER_|WISH_)",
    re.IGNORECASE,
)
"""Names of variables that libpq and other tools read by themselves: without a value they are better unset."""
URL_SCHEME = re.compile(r"[a-z][a-z0-9+]*://")


@contextmanager
def without_secrets(config: Config) -> Iterator[tuple[str, ...]]:
    """Remove secrets from the process's environment meanwhile; yield the names of the removed variables.

    The environments' URLs, the notification addresses, Dagster's database, and all variables whose name or value
    looks like a secret are removed; other URLs are replaced by one that leads nowhere, and an application's own secrets
    by PLACEHOLDER, because its settings may demand a value. Code that runs in the process
    can still read what the operating system keeps of the process's start (``/proc``), and files: give a CI job no
    secrets at all.
    """
    named = {env.variable for env in config.environment} | {each.url_variable for each in config.notify}
    named |= {env.targets.url_variable for env in config.environment if env.targets}
    named.add(DAGSTER_VARIABLE)
    removed = {
        name: value
        for name, value in os.environ.items()
        if name in named or SECRET_NAME.search(name) or SECRET_VALUE.search(value)
    }
    for name, value in removed.items():
        scheme = URL_SCHEME.match(value)
        if scheme and name not in named:  # env.py may need some URL to create its engine
            os.environ[name] = f"{scheme[0]}check.invalid/check"
        elif value and name not in named and not scheme and not BY_TOOLS.search(name):
            os.environ[name] = PLACEHOLDER
        else:
            del os.environ[name]
    try:
        yield tuple(sorted(removed))
    finally:
        os.environ.update(removed)
