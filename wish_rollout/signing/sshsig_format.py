"""The format of an SSH signature, parsed strictly: PROTOCOL.sshsig of OpenSSH, its data types and its armor."""

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
"""The two hash algorithms that PROTOCOL.sshsig allows."""


class MalformedSignature(ValueError):
    """A signature that is not in the format, or is not valid."""


class SshReader:
    """Reads SSH data types (RFC 4251, section 5) from bytes."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def take(self, length: int) -> bytes:
        """Return the next bytes; raise MalformedSignature if there are fewer than ``length``."""
        if length > len(self.data):
            raise MalformedSignature("it is truncated")
        taken, self.data = self.data[:length], self.data[length:]
        return taken

    def number(self) -> int:
        """Return the next uint32."""
        return int(struct.unpack(">I", self.take(4))[0])

    def string(self) -> bytes:
        """Return the next string."""
        return self.take(self.number())

    def end(self) -> None:
        """Raise MalformedSignature if there are more bytes."""
        if self.data:
            raise MalformedSignature("there are bytes after its end")


def encode_string(value: bytes) -> bytes:
    """Return an SSH string: the length and the bytes."""
    return struct.pack(">I", len(value)) + value


@dataclass(frozen=True, slots=True)
class Signature:
    """The content of an SSH signature. ``key`` and ``blob`` are in the formats of their key type."""

    key: bytes
    namespace: str
    hash_name: str
    blob: bytes

    @classmethod
    def from_armor(cls, armor: str) -> Signature:
        """Return the signature with an armored text; raise MalformedSignature for any other text."""
        match = ARMOR.fullmatch(armor.replace("\r\n", "\n"))
        if match is None:
            raise MalformedSignature(f"it is not one block from {BEGIN} to {END}")
        reader = SshReader(_decode_canonical(match[1].replace("\n", "")))
        if reader.take(len(MAGIC)) != MAGIC or reader.number() != VERSION:
            raise MalformedSignature("it is not an SSH signature of version 1")
        key, namespace, reserved, hash_name, blob = (reader.string() for _ in range(5))
        reader.end()
        if reserved or hash_name.decode("ascii", "replace") not in HASHES:
            raise MalformedSignature("it uses a hash algorithm or a field that the format does not have")
        return cls(key, namespace.decode("utf-8", "replace"), hash_name.decode(), blob)

    def armor(self) -> str:
        """Return the armored text."""
        parts = (self.key, self.namespace.encode(), b"", self.hash_name.encode(), self.blob)
        raw = MAGIC + struct.pack(">I", VERSION) + b"".join(encode_string(part) for part in parts)
        text = base64.b64encode(raw).decode()
        lines = [text[start : start + 70] for start in range(0, len(text), 70)]
        return "\n".join([BEGIN, *lines, END, ""])

    def covers(self, message: bytes) -> bytes:
        """Return the bytes that the key signs for a message."""
        return signed_bytes(message, self.namespace, self.hash_name)


def _decode_canonical(text: str) -> bytes:
    """Return the bytes of a base64 text; raise MalformedSignature if it is not their canonical encoding.

    A decoder ignores some bits of the last character before the padding (RFC 4648, section 3.5). If they could
    be set, one signature would have several texts.
    """
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise MalformedSignature(str(error)) from None
    if base64.b64encode(raw).decode() != text:
        raise MalformedSignature("its base64 text is not canonical")
    return raw


def signed_bytes(message: bytes, namespace: str, hash_name: str = "sha512") -> bytes:
    """Return the bytes that a key signs for a message, in a namespace (PROTOCOL.sshsig)."""
    digest = hashlib.new(hash_name, message).digest()
    fields = (namespace.encode(), b"", hash_name.encode(), digest)
    return MAGIC + b"".join(encode_string(field) for field in fields)
