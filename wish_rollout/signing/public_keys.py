"""Verification of a signature with a public key, for each key type that ssh-keygen can sign with."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from wish_rollout.signing.sshsig_format import MalformedSignature, Signature, SshReader, encode_string

if TYPE_CHECKING:
    from collections.abc import Callable

MIN_RSA_BITS = 2048
"""Shorter keys are refused (NIST SP 800-131A, section 3: at least 2048 bits for signatures)."""
USER_PRESENT = 1
CURVES = {"nistp256": "sha256", "nistp384": "sha384", "nistp521": "sha512"}


def fingerprint(key: bytes) -> str:
    """Return the fingerprint of a public key, as ``ssh-keygen -l`` prints it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


def key_type(key: bytes) -> str:
    """Return the type of a public key; raise MalformedSignature if it has none."""
    return SshReader(key).string().decode("ascii", "replace")


def check_signature(signature: Signature, message: bytes, namespace: str) -> None:
    """Raise MalformedSignature unless the signature is for this message and namespace, by the key in it.

    The caller checks whether that key is allowed.
    """
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    if signature.namespace != namespace:
        raise MalformedSignature(f"it was made for '{signature.namespace[:40]}', not for '{namespace}'")
    kind = key_type(signature.key)
    verify = VERIFIERS.get(kind)
    if verify is None:
        raise MalformedSignature(f"keys of type {kind[:40]!r} are not supported")
    try:
        verify(signature.key, signature.blob, signature.covers(message))
    except InvalidSignature:
        raise MalformedSignature("it is not a signature of this text") from None
    except MalformedSignature:
        raise
    except (UnsupportedAlgorithm, ValueError) as error:
        raise MalformedSignature(type(error).__name__) from None


def _blob_reader(blob: bytes, kind: str) -> SshReader:
    """Return a reader of a signature's blob after its type; raise MalformedSignature if it is not the key's type."""
    reader = SshReader(blob)
    if reader.string().decode("ascii", "replace") != kind:
        raise MalformedSignature("it is of another type than its key")
    return reader


def _only_string(reader: SshReader) -> bytes:
    value = reader.string()
    reader.end()
    return value


def _check_ed25519(key: bytes, blob: bytes, data: bytes) -> None:
    fields = SshReader(key)
    kind = fields.string().decode()
    _verify_ed25519(_only_string(fields), _only_string(_blob_reader(blob, kind)), data)


def _verify_ed25519(point: bytes, signature: bytes, data: bytes) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    Ed25519PublicKey.from_public_bytes(point).verify(signature, data)


def _check_rsa(key: bytes, blob: bytes, data: bytes) -> None:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    fields = SshReader(key)
    fields.string()
    exponent, modulus = (int.from_bytes(fields.string(), "big") for _ in range(2))
    fields.end()
    if modulus.bit_length() < MIN_RSA_BITS:
        raise MalformedSignature(f"its RSA key has fewer than {MIN_RSA_BITS} bits")
    reader = SshReader(blob)
    algorithms = {b"rsa-sha2-256": hashes.SHA256(), b"rsa-sha2-512": hashes.SHA512()}
    algorithm = algorithms.get(reader.string())
    if algorithm is None:
        raise MalformedSignature("RSA is supported with SHA-256 and SHA-512 only")
    public = rsa.RSAPublicNumbers(exponent, modulus).public_key()
    public.verify(_only_string(reader), data, padding.PKCS1v15(), algorithm)


def _check_ecdsa(key: bytes, blob: bytes, data: bytes) -> None:
    fields = SshReader(key)
    kind, curve = fields.string().decode(), fields.string().decode("ascii", "replace")
    if kind != f"ecdsa-sha2-{curve}":
        raise MalformedSignature("its key names two curves")
    _verify_ecdsa(curve, _only_string(fields), _only_string(_blob_reader(blob, kind)), data)


def _verify_ecdsa(curve: str, point: bytes, signature: bytes, data: bytes) -> None:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    curves = {"nistp256": ec.SECP256R1(), "nistp384": ec.SECP384R1(), "nistp521": ec.SECP521R1()}
    algorithms = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}
    numbers = SshReader(signature)
    r, s = (int.from_bytes(numbers.string(), "big") for _ in range(2))
    numbers.end()
    public = ec.EllipticCurvePublicKey.from_encoded_point(curves[curve], point)
    public.verify(encode_dss_signature(r, s), data, ec.ECDSA(algorithms[CURVES[curve]]))


def _check_security_key(key: bytes, blob: bytes, data: bytes) -> None:
    """Verify a signature by a security key (OpenSSH's PROTOCOL.u2f), which a person must have touched."""
    fields = SshReader(key)
    kind = fields.string().decode()
    curve = fields.string().decode("ascii", "replace") if "ecdsa" in kind else ""
    point, application = fields.string(), fields.string()
    fields.end()
    reader = _blob_reader(blob, kind)
    signature, flags, counter = reader.string(), reader.take(1), reader.take(4)
    reader.end()
    if not flags[0] & USER_PRESENT:
        raise MalformedSignature("the security key was not touched")
    signed = hashlib.sha256(application).digest() + flags + counter + hashlib.sha256(data).digest()
    if not curve:
        _verify_ed25519(point, signature, signed)
    elif curve == "nistp256":
        _verify_ecdsa(curve, point, signature, signed)
    else:
        raise MalformedSignature("its key is on another curve than its type names")


VERIFIERS: dict[str, Callable[[bytes, bytes, bytes], None]] = {
    "ssh-ed25519": _check_ed25519,
    "ssh-rsa": _check_rsa,
    **{f"ecdsa-sha2-{curve}": _check_ecdsa for curve in CURVES},
    "sk-ssh-ed25519@openssh.com": _check_security_key,
    "sk-ecdsa-sha2-nistp256@openssh.com": _check_security_key,
}


def public_line(point: bytes, comment: str) -> str:
    """Return an Ed25519 public key as a line of a ``.pub`` file."""
    key = encode_string(b"ssh-ed25519") + encode_string(point)
    return f"ssh-ed25519 {base64.b64encode(key).decode()} {comment}".strip()
