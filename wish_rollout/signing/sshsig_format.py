"""The format of an SSH signature, read strictly: PROTOCOL.sshsig of OpenSSH, its strings and its armor."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import struct
from dataclasses import dataclass

BEGIN, END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
ARMOR = re.compile(rf"{BEGIN}\n([A-Za-z0-9+/=\n]+){END}\n?", re.ASCII)
MAGIC = b"SSHSIG"
VERSION = 1
HASHES = ("sha256", "sha512")
"""The only two that PROTOCOL.sshsig allows."""


class MalformedSignature(ValueError):
    """Bytes that are not in the format."""


class Reader:
    """Reads SSH's data types (RFC 4251, section 5) from bytes."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def take(self, length: int) -> bytes:
        """Take so many bytes; raise Malformed where there are fewer."""
        if length > len(self.data):
            raise MalformedSignature("it is cut short")
        taken, self.data = self.data[:length], self.data[length:]
        return taken

    def number(self) -> int:
        """Take a uint32."""
        return int(struct.unpack(">I", self.take(4))[0])

    def string(self) -> bytes:
        """Take a string."""
        return self.take(self.number())

    def end(self) -> None:
        """Raise Malformed where there is more."""
        if self.data:
            raise MalformedSignature("something follows after its end")


def string(value: bytes) -> bytes:
    """Write a string."""
    return struct.pack(">I", len(value)) + value


@dataclass(frozen=True, slots=True)
class Signature:
    """What an SSH signature holds. ``key`` and ``blob`` are in the formats of their key type."""

    key: bytes
    namespace: str
    hash_name: str
    blob: bytes

    @classmethod
    def from_armor(cls, armor: str) -> Signature:
        """Read the armored form, and nothing before or behind it; raise Malformed."""
        match = ARMOR.fullmatch(armor.replace("\r\n", "\n"))
        if match is None:
            raise MalformedSignature(f"it is not one block from {BEGIN} to {END}")
        reader = Reader(_decoded(match[1].replace("\n", "")))
        if reader.take(len(MAGIC)) != MAGIC or reader.number() != VERSION:
            raise MalformedSignature("it is no SSH signature of version 1")
        key, namespace, reserved, hash_name, blob = (reader.string() for _ in range(5))
        reader.end()
        if reserved or hash_name.decode("ascii", "replace") not in HASHES:
            raise MalformedSignature("it uses something that the format does not have")
        return cls(key, namespace.decode("utf-8", "replace"), hash_name.decode(), blob)

    def armor(self) -> str:
        """Write the armored form."""
        parts = (self.key, self.namespace.encode(), b"", self.hash_name.encode(), self.blob)
        raw = MAGIC + struct.pack(">I", VERSION) + b"".join(string(part) for part in parts)
        text = base64.b64encode(raw).decode()
        lines = [text[start : start + 70] for start in range(0, len(text), 70)]
        return "\n".join([BEGIN, *lines, END, ""])

    def covers(self, message: bytes) -> bytes:
        """Give the bytes that are really signed for a message."""
        return signed_bytes(message, self.namespace, self.hash_name)


def _decoded(text: str) -> bytes:
    """Decode base64 that is written in the one way that its bytes are written in.

    The last character before the padding has bits that a decoder drops (RFC 4648, section 3.5); with
    them set, one signature would have several texts.
    """
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise MalformedSignature(str(error)) from None
    if base64.b64encode(raw).decode() != text:
        raise MalformedSignature("its base64 has bits set that mean nothing")
    return raw


def signed_bytes(message: bytes, namespace: str, hash_name: str = "sha512") -> bytes:
    """Give the bytes that are signed for a message."""
    digest = hashlib.new(hash_name, message).digest()
    return MAGIC + b"".join(string(part) for part in (namespace.encode(), b"", hash_name.encode(), digest))
