"""Signing with a person's own SSH key by ``ssh-keygen -Y sign``: key files, agents and security keys."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from wish_rollout.core.approval.documents import NAMESPACE
from wish_rollout.core.errors.gate.signatures import SigningFailed

DEFAULT_KEY_FILES = ("id_ed25519", "id_ed25519_sk", "id_ecdsa_sk", "id_ecdsa", "id_rsa")
"""The key files in ~/.ssh, most preferred first."""
TIMEOUT_SECONDS = 120
"""Time for a person to touch a security key or to type a passphrase."""


@dataclass(frozen=True, slots=True)
class Key:
    """A signing key: the line of its public key, and its file, unless the agent holds it."""

    line: str
    path: Path | None = None

    @property
    def public(self) -> bytes:
        """The public key; raise SigningFailed if the line is not in OpenSSH's format."""
        try:
            return base64.b64decode(self.line.split()[1], validate=True)
        except (IndexError, ValueError):
            raise SigningFailed("its public key is not in OpenSSH's format") from None


def find_keys(named: Path | None = None) -> list[Key]:
    """Return the signing keys: the named one; otherwise the agent's, then the default files.

    For a private key that an agent or a security key holds, name the public key's file. Raises SigningFailed if
    there is no key.
    """
    if named is not None:
        return [_key_from_file(named.expanduser())]
    folder = Path.home() / ".ssh"
    files = [folder / name for name in DEFAULT_KEY_FILES if (folder / f"{name}.pub").is_file()]
    found = [Key(line) for line in agent_keys()] + [_key_from_file(path) for path in files]
    if not found:
        names = ", ".join(DEFAULT_KEY_FILES)
        raise SigningFailed(f"the agent has no key, and {folder} has none of {names}")
    return found


def agent_keys() -> list[str]:
    """Return the public keys of the SSH agent, as lines of a ``.pub`` file; nothing if there is no agent."""
    program = shutil.which("ssh-add")
    if not os.environ.get("SSH_AUTH_SOCK") or program is None:
        return []
    listed = subprocess.run(
        [program, "-L"], capture_output=True, text=True, check=False, timeout=10, stdin=subprocess.DEVNULL
    )
    return [line for line in listed.stdout.splitlines() if " " in line] if not listed.returncode else []


def _key_from_file(path: Path) -> Key:
    public = path if path.suffix == ".pub" else path.with_name(f"{path.name}.pub")
    if not path.is_file() or not public.is_file():
        missing = public if path.is_file() else path
        raise SigningFailed(f"there is no file {missing}")
    return Key(public.read_text(encoding="utf-8", errors="replace").strip(), path)


def sign(text: str, key: Key) -> str:
    """Return the armored signature of a text; may ask for a passphrase at the terminal. Raises SigningFailed.

    A key of the agent is given to ssh-keygen by its public key (ssh-keygen(1), ``-Y sign``).
    """
    program = shutil.which("ssh-keygen")
    if program is None:
        raise SigningFailed("ssh-keygen is not installed; on Debian: apt-get install openssh-client")
    with tempfile.TemporaryDirectory(prefix="wish-rollout-") as folder:
        message = Path(folder) / "approval"
        message.write_text(text, encoding="utf-8")
        path = key.path
        if path is None:
            path = message.with_name("key.pub")
            path.write_text(f"{key.line}\n", encoding="utf-8")
        result = _run_keygen([program, "-Y", "sign", "-n", NAMESPACE, "-f", str(path), str(message)])
        signature = message.with_name("approval.sig")
        if result.returncode or not signature.is_file():
            messages = result.stderr.strip().splitlines()
            raise SigningFailed(f"ssh-keygen reports: {messages[-1] if messages else result.returncode}")
        return signature.read_text(encoding="ascii")


def _run_keygen(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            check=False,
            timeout=TIMEOUT_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise SigningFailed(f"ssh-keygen did not end within {TIMEOUT_SECONDS} s") from None
