"""A key of a sandbox's own: made, and signed with, in this process, so that no program is needed."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

from wish_rollout.core.approval.documents import NAMESPACE
from wish_rollout.signing.public_keys import public_line
from wish_rollout.signing.ssh_keygen import Key
from wish_rollout.signing.sshsig_format import Signature, signed_bytes, string

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KEY, SIGNERS = "operator_key", "allowed_signers"
OPERATOR = "operator@sandbox"


def ensure_key(home: Path) -> Path:
    """Make the key and the file of signers beside it, unless they are there; give the key's file.

    A private file appears whole or not at all; of two makers at once, the first one's stays.
    """
    from cryptography.hazmat.primitives import serialization as ser
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    path = home / KEY
    if not path.exists():
        made = Ed25519PrivateKey.generate()
        text = made.private_bytes(ser.Encoding.PEM, ser.PrivateFormat.OpenSSH, ser.NoEncryption())
        _place(path, text, 0o600)
    point = _load(path).public_key().public_bytes(ser.Encoding.Raw, ser.PublicFormat.Raw)
    line = public_line(point, "")
    _place(home / SIGNERS, f'{OPERATOR} namespaces="{NAMESPACE}" {line}\n'.encode(), 0o644)
    return path


def sign(text: str, key: Path) -> str:
    """Give the armored signature of a text by an Ed25519 key without a passphrase."""
    from cryptography.hazmat.primitives import serialization as ser

    private = _load(key)
    point = private.public_key().public_bytes(ser.Encoding.Raw, ser.PublicFormat.Raw)
    blob = string(b"ssh-ed25519") + string(private.sign(signed_bytes(text.encode(), NAMESPACE)))
    return Signature(Key(public_line(point, "")).public, NAMESPACE, "sha512", blob).armor()


def forget(home: Path) -> None:
    """Remove the key and the file of signers."""
    for name in (KEY, SIGNERS):
        (home / name).unlink(missing_ok=True)


def _load(path: Path) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_ssh_private_key

    key = load_ssh_private_key(path.read_bytes(), password=None)
    assert isinstance(key, Ed25519PrivateKey)
    return key


def _place(path: Path, content: bytes, mode: int) -> None:
    if path.exists() and path.read_bytes() == content:
        return
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    try:
        if path.name == KEY:
            path.hardlink_to(draft)
        else:
            draft.replace(path)
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)
