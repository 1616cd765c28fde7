"""Where an environment's URL comes from, and what is demanded of it; it is a secret all the way.

Nothing here puts a URL, a command's output or its complaints into an error: any of them may hold a password.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from importlib import import_module
from typing import TYPE_CHECKING, Any

from wish_rollout.core.errors.configuration import IamRequirementNotMet, UnencryptedConnection, DatabaseUrlSourceFailed
from wish_rollout.core.text.log_redaction import hushed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

SECONDS = 30
"""A vault's client may have to fetch and to renew something."""
ENCRYPTED = ("require", "verify-ca", "verify-full")
"""Values of sslmode with which libpq never falls back to plain text (manual, 34.19.3)."""


def from_file(environment: str, path: Path) -> str:
    """Read a URL from a file; raise UrlSourceFailed."""
    try:
        url = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise DatabaseUrlSourceFailed(environment, f"url_file {path}", reason) from None
    return _one_line(environment, f"url_file {path}", url)


def from_command(environment: str, command: str | Sequence[str], folder: Path) -> str:
    """Have a program print a URL, without a shell; raise UrlSourceFailed.

    A text is split as a shell would split it; nothing in it is expanded.
    """
    words = shlex.split(command) if isinstance(command, str) else list(command)
    source = f"url_command {words[0] if words else ''}"
    try:
        made = subprocess.run(
            words,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise DatabaseUrlSourceFailed(environment, source, f"it did not end within {SECONDS} s") from None
    except (OSError, ValueError, IndexError) as error:
        raise DatabaseUrlSourceFailed(
            environment, source, getattr(error, "strerror", None) or "it is empty"
        ) from None
    if made.returncode:
        raise DatabaseUrlSourceFailed(environment, source, f"it ended with {made.returncode}")
    return _one_line(environment, source, made.stdout.strip())


def _one_line(environment: str, source: str, url: str) -> str:
    if not url or "\n" in url:
        raise DatabaseUrlSourceFailed(environment, source, "it holds more than one line" if url else "it is empty")
    return url


def refuse_plaintext(environment: str, parameters: Mapping[str, Any]) -> None:
    """Raise Plaintext where a connection to another machine might not be encrypted.

    ``parameters`` are libpq's; what they leave out comes from its variables, where an address goes before a name,
    or from its file of services (manual, 34.15 and 34.17). That is not read here: a service counts as far away.
    """
    services = [parameters.get("service"), os.environ.get("PGSERVICE")]
    said = [parameters.get("hostaddr"), *(f"service {name}" for name in services if name)]
    said += [os.environ.get("PGHOSTADDR"), parameters.get("host"), os.environ.get("PGHOST")]
    hosts = next((str(each) for each in said if each), "")
    far = [host for host in hosts.split(",") if not is_local(host)]
    mode = str(parameters.get("sslmode") or os.environ.get("PGSSLMODE") or "prefer")
    if far and mode not in ENCRYPTED:
        raise UnencryptedConnection(environment, far[0], mode)


def is_local(host: str) -> bool:
    """Whether a host is this machine: a socket, or a loopback address."""
    return not host or host[0] in "/@" or host in ("localhost", "::1") or host.startswith("127.")


def iam_token(environment: str, region: str | None, parameters: Mapping[str, Any]) -> str:
    """Make a password that AWS takes for 15 minutes; raise IamNeeds.

    It is a bearer token, so it goes only to a server that has proven who it is: ``sslmode=verify-full``,
    with the bundle of certificates that the configuration names.
    """
    if parameters.get("sslmode") != "verify-full" or not parameters.get("sslrootcert"):
        raise IamRequirementNotMet(environment, "its URL does not say sslmode=verify-full and sslrootcert=FILE")
    try:
        boto3 = import_module("boto3")
    except ImportError:
        raise IamRequirementNotMet(environment, "boto3 is not installed: pip install 'wish-rollout[aws]'") from None
    try:
        with hushed("boto3", "botocore", "urllib3"):
            client = boto3.client("rds", region_name=region)
            token = client.generate_db_auth_token(
                DBHostname=parameters["host"],
                Port=int(parameters.get("port") or 5432),
                DBUsername=parameters["user"],
                Region=region,
            )
    except KeyError as missing:
        raise IamRequirementNotMet(environment, f"its URL has no {missing}") from None
    except Exception as error:  # noqa: BLE001  (botocore's classes are made at run time; their text may tell keys)
        raise IamRequirementNotMet(environment, f"boto3: {type(error).__name__}") from None
    return str(token)
