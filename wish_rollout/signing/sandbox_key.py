"""The signing key of a sandbox: created, and used for signing, in this process, without an external program."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

from wish_rollout.core.approval.documents import NAMESPACE
from wish_rollout.signing.public_keys import public_line
from wish_rollout.signing.ssh_keygen import Key
from wish_rollout.signing.sshsig_format import Signature, encode_string, signed_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KEY, SIGNERS = "operator_key", "allowed_signers"
OPERATOR = "operator@sandbox"


def ensure_key(home: Path) -> Path:
    """Create the key and the file of allowed signers in a folder unless they exist; return the key's path.

    The private key's file is created atomically. If two processes create it at once, the first one's is kept.
    """
    from cryptography.hazmat.primitives import serialization as ser
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    path = home / KEY
    if not path.exists():
        created = Ed25519PrivateKey.generate()
        text = created.private_bytes(ser.Encoding.PEM, ser.PrivateFormat.OpenSSH, ser.NoEncryption())
        _write_atomically(path, text, 0o600)
    line = public_line(_public_point(_load_key(path)), "")
    _write_atomically(home / SIGNERS, f'{OPERATOR} namespaces="{NAMESPACE}" {line}\n'.encode(), 0o644)
    return path


def sign(text: str, key: Path) -> str:
    """Return the armored signature of a text by an Ed25519 key file without a passphrase."""
    private = _load_key(key)
    signature = private.sign(signed_bytes(text.encode(), NAMESPACE))
    blob = encode_string(b"ssh-ed25519") + encode_string(signature)
    return Signature(Key(public_line(_public_point(private), "")).public, NAMESPACE, "sha512", blob).armor()


def remove_key(home: Path) -> None:
    """Remove the key and the file of allowed signers."""
    for name in (KEY, SIGNERS):
        (home / name).unlink(missing_ok=True)


def _public_point(key: Ed25519PrivateKey) -> bytes:
    from cryptography.hazmat.primitives import serialization as ser

    return key.public_key().public_bytes(ser.Encoding.Raw, ser.PublicFormat.Raw)


def _load_key(path: Path) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_ssh_private_key

    key = load_ssh_private_key(path.read_bytes(), password=None)
    assert isinstance(key, Ed25519PrivateKey)
    return key


def _write_atomically(path: Path, content: bytes, mode: int) -> None:
    """Write a file by a draft beside it; an existing private key is not replaced."""
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
