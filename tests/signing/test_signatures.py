"""SSH signatures: ours are verified by the real ssh-keygen, and those of ssh-keygen by our code."""

from __future__ import annotations

import base64
import hashlib
import struct
import subprocess
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.fix_project import make_key
from wish_rollout.core.errors.gate.signatures import InvalidAllowedSigners
from wish_rollout.signing import sandbox_key
from wish_rollout.signing.allowed_signers import parse_time, read_signers
from wish_rollout.signing.public_keys import check_signature, fingerprint
from wish_rollout.signing.ssh_keygen import find_keys, sign
from wish_rollout.signing.sshsig_format import MalformedSignature, Signature, encode_string, signed_bytes

if TYPE_CHECKING:
    from pathlib import Path

TEXT = "what is signed\n"
NAMESPACE = "wish-rollout"


def is_valid_for_openssh(folder: Path, line: str, armor: str) -> bool:
    """Return whether ssh-keygen accepts a signature of TEXT by the key in a line."""
    (folder / "signers").write_text(f"who@example.org {line}\n")
    (folder / "sig").write_text(armor)
    command = ["ssh-keygen", "-Y", "verify", "-f", str(folder / "signers"), "-I", "who@example.org"]
    command += ["-n", NAMESPACE, "-s", str(folder / "sig")]
    return not subprocess.run(command, input=TEXT, text=True, capture_output=True, check=False).returncode


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_signature_of_ssh_keygen_is_valid_for_its_text_and_namespace_only(tmp_path: Path, kind: str) -> None:
    make_key(tmp_path / "key", kind)
    signature = Signature.from_armor(sign(TEXT, find_keys(tmp_path / "key")[0]))
    check_signature(signature, TEXT.encode(), NAMESPACE)
    listed = subprocess.run(
        ["ssh-keygen", "-lf", str(tmp_path / "key")], capture_output=True, text=True, check=True
    )
    assert fingerprint(signature.key) in listed.stdout
    with pytest.raises(MalformedSignature, match="not a signature of this text"):
        check_signature(signature, TEXT.upper().encode(), NAMESPACE)
    with pytest.raises(MalformedSignature, match="not for 'git'"):
        check_signature(signature, TEXT.encode(), "git")


def test_signature_of_the_sandbox_key_is_valid_for_ssh_keygen(tmp_path: Path) -> None:
    key = sandbox_key.ensure_key(tmp_path)
    line = (tmp_path / sandbox_key.SIGNERS).read_text().split(" ", 2)[2]
    assert (key.stat().st_mode & 0o777) == 0o600
    assert sandbox_key.ensure_key(tmp_path).read_bytes() == key.read_bytes()
    assert is_valid_for_openssh(tmp_path, line, sandbox_key.sign(TEXT, key))


def sign_like_a_security_key(kind: str, flags: int) -> tuple[str, str]:
    """Sign as a security key does (PROTOCOL.u2f); return the line of the public key, and the signature."""
    application = b"ssh:"
    covered = hashlib.sha256(application).digest() + struct.pack(">BI", flags, 7)
    covered += hashlib.sha256(signed_bytes(TEXT.encode(), NAMESPACE)).digest()
    if "ed25519" in kind:
        edwards = Ed25519PrivateKey.generate()
        public = encode_string(edwards.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
        made = edwards.sign(covered)
    else:
        elliptic = ec.generate_private_key(ec.SECP256R1())
        point = elliptic.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        public = encode_string(b"nistp256") + encode_string(point)
        numbers = decode_dss_signature(elliptic.sign(covered, ec.ECDSA(hashes.SHA256())))
        made = b"".join(encode_string(n.to_bytes(n.bit_length() // 8 + 1, "big")) for n in numbers)
    key = encode_string(kind.encode()) + public + encode_string(application)
    blob = encode_string(kind.encode()) + encode_string(made) + struct.pack(">BI", flags, 7)
    return f"{kind} {base64.b64encode(key).decode()}", Signature(key, NAMESPACE, "sha512", blob).armor()


@pytest.mark.parametrize("kind", ["sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"])
def test_signature_of_a_security_key_is_valid_only_if_it_was_touched(tmp_path: Path, kind: str) -> None:
    line, armor = sign_like_a_security_key(kind, flags=1)
    assert is_valid_for_openssh(tmp_path, line, armor)
    check_signature(Signature.from_armor(armor), TEXT.encode(), NAMESPACE)
    _, untouched = sign_like_a_security_key(kind, flags=0)
    with pytest.raises(MalformedSignature, match="was not touched"):
        check_signature(Signature.from_armor(untouched), TEXT.encode(), NAMESPACE)


def test_weak_and_malformed_signatures_are_refused(tmp_path: Path) -> None:
    command = ["ssh-keygen", "-q", "-t", "rsa", "-b", "1024", "-N", "", "-f", str(tmp_path / "weak")]
    subprocess.run(command, check=True, capture_output=True)
    good = Signature.from_armor(sign(TEXT, find_keys(tmp_path / "weak")[0]))
    with pytest.raises(MalformedSignature, match="fewer than 2048 bits"):
        check_signature(good, TEXT.encode(), NAMESPACE)
    armor = good.armor()
    for changed in (
        f"x{armor}",
        f"{armor}x",
        armor.replace("BEGIN", "START"),
        armor.replace("\n", "\n\0"),
        "",
    ):
        with pytest.raises(MalformedSignature):
            Signature.from_armor(changed)
    for hash_name in ("md5", "sha1", "shake_128"):
        with pytest.raises(MalformedSignature, match="does not have"):
            Signature.from_armor(Signature(good.key, NAMESPACE, hash_name, good.blob).armor())
    short = Signature(good.key[:-3], NAMESPACE, "sha512", good.blob)
    with pytest.raises(MalformedSignature):
        check_signature(short, TEXT.encode(), NAMESPACE)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("*@example.org ssh-ed25519 AAAA", "is a pattern"),
        ("a@example.org cert-authority ssh-ed25519 AAAA", "certificate authorities"),
        ("a@example.org ssh-ed25519", "it is not: principals"),
        ("a@example.org ssh-ed25519 !!", "not base64"),
        ('a@example.org valid-before="soon" ssh-ed25519 AAAA', "is not a time"),
        ('a@example.org colour="red" ssh-ed25519 AAAA', "is unknown"),
        ("# nobody", "it names nobody"),
    ],
)
def test_error_of_an_invalid_allowed_signers_file_names_the_reason(
    tmp_path: Path, line: str, reason: str
) -> None:
    (tmp_path / "signers").write_text(f"{line}\n")
    with pytest.raises(InvalidAllowedSigners, match=reason.replace("*", r"\*")):
        read_signers(tmp_path / "signers")


def test_allowed_signers_file_is_read_as_ssh_keygen_reads_it(tmp_path: Path) -> None:
    text = '# people\n\n"a@example.org,b@example.org" namespaces="wish-*,git",valid-after="20250101" ssh-ed25519 AAAA a b\n'
    (tmp_path / "signers").write_text(text)
    (entry,) = read_signers(tmp_path / "signers").entries
    assert entry.principals == ("a@example.org", "b@example.org")
    assert entry.may_sign_approvals
    assert entry.names_principal("A@Example.org")
    assert entry.is_valid(datetime(2026, 1, 1, tzinfo=UTC))
    assert not entry.is_valid(datetime(2024, 1, 1, tzinfo=UTC))
    assert parse_time("20260102030405Z") == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
