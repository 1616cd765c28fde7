"""Our reader of SSH signatures, held against the real ssh-keygen in both directions."""

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
from wish_rollout.core.errors.signatures import InvalidAllowedSigners
from wish_rollout.signing import sandbox_key
from wish_rollout.signing.allowed_signers import moment, read_signers
from wish_rollout.signing.public_keys import check, fingerprint
from wish_rollout.signing.ssh_keygen import find_keys, sign
from wish_rollout.signing.sshsig_format import MalformedSignature, Signature, signed_bytes, string

if TYPE_CHECKING:
    from pathlib import Path

TEXT = "what is signed\n"
NAMESPACE = "wish-rollout"


def openssh_takes(folder: Path, line: str, armor: str) -> bool:
    """Ask the real program whether a signature of TEXT by the key in a line is good."""
    (folder / "signers").write_text(f"who@example.org {line}\n")
    (folder / "sig").write_text(armor)
    command = ["ssh-keygen", "-Y", "verify", "-f", str(folder / "signers"), "-I", "who@example.org"]
    command += ["-n", NAMESPACE, "-s", str(folder / "sig")]
    return not subprocess.run(command, input=TEXT, text=True, capture_output=True, check=False).returncode


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_what_ssh_keygen_signs_is_taken_and_for_this_text_and_purpose_alone(
    tmp_path: Path, kind: str
) -> None:
    make_key(tmp_path / "key", kind)
    signature = Signature.from_armor(sign(TEXT, find_keys(tmp_path / "key")[0]))
    check(signature, TEXT.encode(), NAMESPACE)
    listed = subprocess.run(
        ["ssh-keygen", "-lf", str(tmp_path / "key")], capture_output=True, text=True, check=True
    )
    assert fingerprint(signature.key) in listed.stdout
    with pytest.raises(MalformedSignature, match="not of this text"):
        check(signature, TEXT.upper().encode(), NAMESPACE)
    with pytest.raises(MalformedSignature, match="not for 'git'"):
        check(signature, TEXT.encode(), "git")


def test_what_we_sign_ssh_keygen_takes(tmp_path: Path) -> None:
    key = sandbox_key.ensure_key(tmp_path)
    line = (tmp_path / sandbox_key.SIGNERS).read_text().split(" ", 2)[2]
    assert (key.stat().st_mode & 0o777) == 0o600
    assert sandbox_key.ensure_key(tmp_path).read_bytes() == key.read_bytes()
    assert openssh_takes(tmp_path, line, sandbox_key.sign(TEXT, key))


def touched(kind: str, flags: int) -> tuple[str, str]:
    """Sign as a security key's chip does (PROTOCOL.u2f); give the public key's line, and the signature."""
    application = b"ssh:"
    covered = hashlib.sha256(application).digest() + struct.pack(">BI", flags, 7)
    covered += hashlib.sha256(signed_bytes(TEXT.encode(), NAMESPACE)).digest()
    if "ed25519" in kind:
        edwards = Ed25519PrivateKey.generate()
        public = string(edwards.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
        made = edwards.sign(covered)
    else:
        elliptic = ec.generate_private_key(ec.SECP256R1())
        point = elliptic.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        public = string(b"nistp256") + string(point)
        numbers = decode_dss_signature(elliptic.sign(covered, ec.ECDSA(hashes.SHA256())))
        made = b"".join(string(n.to_bytes(n.bit_length() // 8 + 1, "big")) for n in numbers)
    key = string(kind.encode()) + public + string(application)
    blob = string(kind.encode()) + string(made) + struct.pack(">BI", flags, 7)
    return f"{kind} {base64.b64encode(key).decode()}", Signature(key, NAMESPACE, "sha512", blob).armor()


@pytest.mark.parametrize("kind", ["sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"])
def test_a_security_keys_signature_that_openssh_takes_is_taken_if_somebody_touched_it(
    tmp_path: Path, kind: str
) -> None:
    line, armor = touched(kind, flags=1)
    assert openssh_takes(tmp_path, line, armor)
    check(Signature.from_armor(armor), TEXT.encode(), NAMESPACE)
    _, untouched = touched(kind, flags=0)
    with pytest.raises(MalformedSignature, match="nobody touched"):
        check(Signature.from_armor(untouched), TEXT.encode(), NAMESPACE)


def test_weak_and_strange_signatures_are_not_taken(tmp_path: Path) -> None:
    command = ["ssh-keygen", "-q", "-t", "rsa", "-b", "1024", "-N", "", "-f", str(tmp_path / "weak")]
    subprocess.run(command, check=True, capture_output=True)
    good = Signature.from_armor(sign(TEXT, find_keys(tmp_path / "weak")[0]))
    with pytest.raises(MalformedSignature, match="fewer than 2048 bits"):
        check(good, TEXT.encode(), NAMESPACE)
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
        check(short, TEXT.encode(), NAMESPACE)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("*@example.org ssh-ed25519 AAAA", "is a pattern"),
        ("a@example.org cert-authority ssh-ed25519 AAAA", "certificate authorities"),
        ("a@example.org ssh-ed25519", "it is not: principals"),
        ("a@example.org ssh-ed25519 !!", "no base64"),
        ('a@example.org valid-before="soon" ssh-ed25519 AAAA', "is no date"),
        ('a@example.org colour="red" ssh-ed25519 AAAA', "is not known"),
        ("# nobody", "it names nobody"),
    ],
)
def test_a_file_of_signers_that_cannot_be_read_names_the_line(tmp_path: Path, line: str, says: str) -> None:
    (tmp_path / "signers").write_text(f"{line}\n")
    with pytest.raises(InvalidAllowedSigners, match=says.replace("*", r"\*")):
        read_signers(tmp_path / "signers")


def test_a_file_of_signers_is_read_as_ssh_keygen_does(tmp_path: Path) -> None:
    text = '# people\n\n"a@example.org,b@example.org" namespaces="wish-*,git",valid-after="20250101" ssh-ed25519 AAAA a b\n'
    (tmp_path / "signers").write_text(text)
    (entry,) = read_signers(tmp_path / "signers").entries
    assert entry.principals == ("a@example.org", "b@example.org")
    assert entry.for_us
    assert entry.names("A@Example.org")
    assert entry.valid(datetime(2026, 1, 1, tzinfo=UTC))
    assert not entry.valid(datetime(2024, 1, 1, tzinfo=UTC))
    assert moment("20260102030405Z") == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
