"""Checking a signature with a public key, for every type of key that ssh-keygen signs with."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from wish_rollout.signing.sshsig_format import MalformedSignature, Reader, Signature, string

if TYPE_CHECKING:
    from collections.abc import Callable

RSA_BITS = 2048
"""Shorter keys are refused, as OpenSSH's RequiredRSASize does by default for what it signs now."""
USER_PRESENT = 1
CURVES = {"nistp256": "sha256", "nistp384": "sha384", "nistp521": "sha512"}


def fingerprint(key: bytes) -> str:
    """Name a public key as ``ssh-keygen -l`` does."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


def key_type(key: bytes) -> str:
    """Say of which type a public key is; raise Malformed."""
    return Reader(key).string().decode("ascii", "replace")


def check(signature: Signature, message: bytes, namespace: str) -> None:
    """Raise Malformed where the signature is not one of this message, for this namespace, by the key in it.

    Whether that key counts is another question.
    """
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    if signature.namespace != namespace:
        raise MalformedSignature(f"it was made for '{signature.namespace[:40]}', not for '{namespace}'")
    kind = key_type(signature.key)
    verify = VERIFIERS.get(kind)
    if verify is None:
        raise MalformedSignature(f"keys of type {kind[:40]!r} are not taken")
    try:
        verify(signature.key, signature.blob, signature.covers(message))
    except InvalidSignature:
        raise MalformedSignature("it is not of this text") from None
    except (UnsupportedAlgorithm, ValueError) as error:
        raise error if isinstance(error, MalformedSignature) else MalformedSignature(type(error).__name__) from None


def _parts(blob: bytes, kind: str) -> Reader:
    """Open a signature's blob; raise Malformed where it is of another type than its key."""
    reader = Reader(blob)
    if reader.string().decode("ascii", "replace") != kind:
        raise MalformedSignature("it is of another type than its key")
    return reader


def _only(reader: Reader) -> bytes:
    value = reader.string()
    reader.end()
    return value


def _ed25519(key: bytes, blob: bytes, data: bytes) -> None:
    fields = Reader(key)
    kind = fields.string().decode()
    _verify_ed25519(_only(fields), _only(_parts(blob, kind)), data)


def _verify_ed25519(point: bytes, signature: bytes, data: bytes) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    Ed25519PublicKey.from_public_bytes(point).verify(signature, data)


def _rsa(key: bytes, blob: bytes, data: bytes) -> None:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    fields = Reader(key)
    fields.string()
    exponent, modulus = (int.from_bytes(fields.string(), "big") for _ in range(2))
    fields.end()
    if modulus.bit_length() < RSA_BITS:
        raise MalformedSignature(f"its RSA key has fewer than {RSA_BITS} bits")
    reader = Reader(blob)
    algorithms = {b"rsa-sha2-256": hashes.SHA256(), b"rsa-sha2-512": hashes.SHA512()}
    algorithm = algorithms.get(reader.string())
    if algorithm is None:
        raise MalformedSignature("RSA is taken with SHA-256 or SHA-512 only")
    public = rsa.RSAPublicNumbers(exponent, modulus).public_key()
    public.verify(_only(reader), data, padding.PKCS1v15(), algorithm)


def _ecdsa(key: bytes, blob: bytes, data: bytes) -> None:
    fields = Reader(key)
    kind, curve = fields.string().decode(), fields.string().decode("ascii", "replace")
    if kind != f"ecdsa-sha2-{curve}":
        raise MalformedSignature("its key names two curves")
    _verify_ecdsa(curve, _only(fields), _only(_parts(blob, kind)), data)


def _verify_ecdsa(curve: str, point: bytes, signature: bytes, data: bytes) -> None:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    curves = {"nistp256": ec.SECP256R1(), "nistp384": ec.SECP384R1(), "nistp521": ec.SECP521R1()}
    algorithms = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}
    numbers = Reader(signature)
    r, s = (int.from_bytes(numbers.string(), "big") for _ in range(2))
    numbers.end()
    public = ec.EllipticCurvePublicKey.from_encoded_point(curves[curve], point)
    public.verify(encode_dss_signature(r, s), data, ec.ECDSA(algorithms[CURVES[curve]]))


def _security_key(key: bytes, blob: bytes, data: bytes) -> None:
    """Check a signature by a security key: PROTOCOL.u2f, with somebody having touched it."""
    fields = Reader(key)
    kind = fields.string().decode()
    curve = fields.string().decode("ascii", "replace") if "ecdsa" in kind else ""
    point, application = fields.string(), fields.string()
    fields.end()
    reader = _parts(blob, kind)
    signature, flags, counter = reader.string(), reader.take(1), reader.take(4)
    reader.end()
    if not flags[0] & USER_PRESENT:
        raise MalformedSignature("nobody touched the security key")
    covered = hashlib.sha256(application).digest() + flags + counter + hashlib.sha256(data).digest()
    if not curve:
        _verify_ed25519(point, signature, covered)
    elif curve == "nistp256":
        _verify_ecdsa(curve, point, signature, covered)
    else:
        raise MalformedSignature("its key is on another curve than its type says")


VERIFIERS: dict[str, Callable[[bytes, bytes, bytes], None]] = {
    "ssh-ed25519": _ed25519,
    "ssh-rsa": _rsa,
    **{f"ecdsa-sha2-{curve}": _ecdsa for curve in CURVES},
    "sk-ssh-ed25519@openssh.com": _security_key,
    "sk-ecdsa-sha2-nistp256@openssh.com": _security_key,
}


def public_line(point: bytes, comment: str) -> str:
    """Write an Ed25519 public key as a line of a ``.pub`` file."""
    key = string(b"ssh-ed25519") + string(point)
    return f"ssh-ed25519 {base64.b64encode(key).decode()} {comment}".strip()
