"""Reads connection URLs from files and commands, and checks connections for encryption.

Errors never contain a URL or the output of a command, because these can contain a password.
"""

from __future__ import annotations

import os
import selectors
import shlex
import subprocess
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any

from wish_rollout.core.errors.configuration import (
    DatabaseUrlSourceFailed,
    IamRequirementNotMet,
    UnencryptedConnection,
)
from wish_rollout.core.text.log_redaction import suppressed_logs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

SECONDS = 30
"""Timeout of a URL command. The client of a vault may have to renew a token first."""
MOST_MIB = 32
"""Limit of the output of a command."""
ENCRYPTED = ("require", "verify-ca", "verify-full")
"""Values of sslmode with which libpq never uses an unencrypted connection (manual, 34.19.3)."""


def read_url_file(environment: str, path: Path) -> str:
    """Return the URL in a file; raise ``DatabaseUrlSourceFailed``. ``environment``: its name, for errors."""
    try:
        url = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise DatabaseUrlSourceFailed(environment, f"url_file {path}", reason) from None
    return _check_single_line(environment, f"url_file {path}", url)


def run_url_command(environment: str, command: str | Sequence[str], folder: Path) -> str:
    """Return the URL that a command prints; raise ``DatabaseUrlSourceFailed``.

    ``environment``: its name, for errors. ``command``: a string is split as a shell would split it, but the command
    is run without a shell. ``folder``: its working directory.
    """
    source, output, reason = command_output(command, folder)
    if reason:
        raise DatabaseUrlSourceFailed(environment, f"url_command {source}", reason)
    return _check_single_line(environment, f"url_command {source}", output.strip())


def command_output(command: str | Sequence[str], folder: Path) -> tuple[str, str, str]:
    """Return the name of a program, its output on stdout, and why it failed ("" if it did not).

    The arguments are as those of ``run_url_command``. The output of a failed command is not returned.
    """
    arguments: list[str] = []
    try:
        arguments = shlex.split(command) if isinstance(command, str) else list(command)
        process = subprocess.Popen(
            arguments, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    except (OSError, ValueError, IndexError) as error:
        reason = getattr(error, "strerror", None) or "it is empty, or has a quote that is not closed"
        return arguments[0] if arguments else "", "", reason
    with process:
        try:
            output = _read_output(process, time.monotonic() + SECONDS)
            return arguments[0], output.decode("utf-8-sig"), ""
        except UnicodeDecodeError:
            reason = "its output is not UTF-8 text"
        except subprocess.TimeoutExpired:
            reason = f"it did not end within {SECONDS} s"
        except ValueError as error:
            reason = str(error)
        finally:
            process.kill()
    return arguments[0], "", reason


def _read_output(process: subprocess.Popen[bytes], end: float) -> bytes:
    """Return what a process writes until it ends, at most until a time.

    Raises TimeoutExpired; ValueError if it writes more than MOST_MIB, or its exit code is not 0.
    """
    assert process.stdout
    output = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while selector.select(max(end - time.monotonic(), 0)):
            data = os.read(process.stdout.fileno(), 1 << 16)
            output += data
            if len(output) > MOST_MIB << 20:
                raise ValueError(f"its output has more than {MOST_MIB} MiB")
            if not data:
                if code := process.wait(max(end - time.monotonic(), 0)):
                    raise ValueError(f"its exit code is {code}")
                return bytes(output)
    raise subprocess.TimeoutExpired(process.args, SECONDS)


def _check_single_line(environment: str, source: str, url: str) -> str:
    if not url or "\n" in url:
        raise DatabaseUrlSourceFailed(
            environment, source, "it contains more than one line" if url else "it is empty"
        )
    return url


def refuse_plaintext(environment: str, parameters: Mapping[str, Any]) -> None:
    """Raise ``UnencryptedConnection`` if a connection to another machine might not be encrypted.

    ``parameters``: libpq's. Missing parameters come from libpq's environment variables or from a connection service
    file (manual, 34.15 and 34.17). The service file is not read; a connection by service counts as remote.
    """
    services = [parameters.get("service"), os.environ.get("PGSERVICE")]
    candidates = [parameters.get("hostaddr"), *(f"service {name}" for name in services if name)]
    candidates += [os.environ.get("PGHOSTADDR"), parameters.get("host"), os.environ.get("PGHOST")]
    hosts = next((str(each) for each in candidates if each), "")
    remote = [host for host in hosts.split(",") if not is_local(host)]
    mode = str(parameters.get("sslmode") or os.environ.get("PGSSLMODE") or "prefer")
    if remote and mode not in ENCRYPTED:
        raise UnencryptedConnection(environment, remote[0], mode)


def is_local(host: str) -> bool:
    """Return whether a host is this machine: a Unix-domain socket directory, or a loopback address."""
    return not host or host[0] in "/@" or host in ("localhost", "::1") or host.startswith("127.")


def iam_token(environment: str, region: str | None, parameters: Mapping[str, Any]) -> str:
    """Return an AWS IAM token, which is a password that is valid for 15 minutes; raise ``IamRequirementNotMet``.

    ``region``: the AWS region; None: as boto3 determines it. The token is sent to the server, so the identity of the
    server must be verified: ``parameters`` must contain ``sslmode=verify-full`` and ``sslrootcert``.
    """
    if parameters.get("sslmode") != "verify-full" or not parameters.get("sslrootcert"):
        raise IamRequirementNotMet(
            environment, "its URL does not contain sslmode=verify-full and sslrootcert=FILE"
        )
    try:
        boto3 = import_module("boto3")
    except ImportError:
        raise IamRequirementNotMet(
            environment, "boto3 is not installed: pip install 'wish-rollout[aws]'"
        ) from None
    try:
        with suppressed_logs("boto3", "botocore", "urllib3"):
            client = boto3.client("rds", region_name=region)
            token = client.generate_db_auth_token(
                DBHostname=parameters["host"],
                Port=int(parameters.get("port") or 5432),
                DBUsername=parameters["user"],
                Region=region,
            )
    except KeyError as missing:
        raise IamRequirementNotMet(environment, f"its URL has no {missing}") from None
    except Exception as error:  # noqa: BLE001  (botocore creates its error classes at run time; their text can contain keys)
        raise IamRequirementNotMet(environment, f"boto3: {type(error).__name__}") from None
    return str(token)
