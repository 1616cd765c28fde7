"""Signing with the key that a person already has, by ``ssh-keygen -Y sign``: files, agents, security keys."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from wish_rollout.core.approval.documents import NAMESPACE
from wish_rollout.core.errors.signatures import SigningFailed

USUAL = ("id_ed25519", "id_ed25519_sk", "id_ecdsa_sk", "id_ecdsa", "id_rsa")
"""In the order in which ssh(1) would rather have them."""
SECONDS = 120
"""A person may have to find and touch a security key, or to type a passphrase."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key to sign with: the line of its public half, and its file, unless the agent holds it."""

    line: str
    path: Path | None = None

    @property
    def public(self) -> bytes:
        """The public key; raise CannotSign where the line is in no form."""
        try:
            return base64.b64decode(self.line.split()[1], validate=True)
        except (IndexError, ValueError):
            raise SigningFailed("its public key is not in OpenSSH's form") from None


def find_keys(named: Path | None = None) -> list[Key]:
    """Find keys to sign with: the one named, else the agent's, then the usual files.

    A public key's file stands for the private one that an agent or a security key holds. Raises CannotSign.
    """
    if named is not None:
        return [_of_file(named.expanduser())]
    folder = Path.home() / ".ssh"
    files = [folder / name for name in USUAL if (folder / f"{name}.pub").is_file()]
    found = [Key(line) for line in agent_keys()] + [_of_file(path) for path in files]
    if not found:
        raise SigningFailed(f"the agent holds no key, and there is none of {', '.join(USUAL)} in {folder}")
    return found


def agent_keys() -> list[str]:
    """List the public keys that the agent holds, as lines of a ``.pub`` file; none where there is no agent."""
    program = shutil.which("ssh-add")
    if not os.environ.get("SSH_AUTH_SOCK") or program is None:
        return []
    listed = subprocess.run(
        [program, "-L"], capture_output=True, text=True, check=False, timeout=10, stdin=subprocess.DEVNULL
    )
    return [line for line in listed.stdout.splitlines() if " " in line] if not listed.returncode else []


def _of_file(path: Path) -> Key:
    public = path if path.suffix == ".pub" else path.with_name(f"{path.name}.pub")
    if not path.is_file() or not public.is_file():
        missing = public if path.is_file() else path
        raise SigningFailed(f"there is no file {missing}")
    return Key(public.read_text(encoding="utf-8", errors="replace").strip(), path)


def sign(text: str, key: Key) -> str:
    """Give the armored signature of a text; raise CannotSign. May ask for a passphrase at the terminal.

    The agent's key is named by its public half (ssh-keygen(1), ``-Y sign``).
    """
    program = shutil.which("ssh-keygen")
    if program is None:
        raise SigningFailed("ssh-keygen is not here; on Debian: apt-get install openssh-client")
    with tempfile.TemporaryDirectory(prefix="wish-rollout-") as folder:
        message = Path(folder) / "approval"
        message.write_text(text, encoding="utf-8")
        path = key.path
        if path is None:
            path = message.with_name("key.pub")
            path.write_text(f"{key.line}\n", encoding="utf-8")
        try:
            made = subprocess.run(
                [program, "-Y", "sign", "-n", NAMESPACE, "-f", str(path), str(message)],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                check=False,
                timeout=SECONDS,
            )
        except subprocess.TimeoutExpired:
            raise SigningFailed(f"ssh-keygen did not end within {SECONDS} s") from None
        signature = message.with_name("approval.sig")
        if made.returncode or not signature.is_file():
            said = made.stderr.strip().splitlines()
            raise SigningFailed(f"ssh-keygen says: {said[-1] if said else made.returncode}")
        return signature.read_text(encoding="ascii")
