"""A substitute for AWS: a TLS server that accepts a token as password, and an LDAP server that checks it.

PostgreSQL hands what it was given to an LDAP server (manual, 20.10 LDAP Authentication), as RDS hands it to PAM; ours
listens on loopback, reads the token as AWS documents it, and lets in or not.
"""

from __future__ import annotations

import socketserver
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HOST, REGION, ROLE = "prod.c0ffee.eu-central-1.rds.amazonaws.com", "eu-central-1", "iam_migrator"
ACCESS_KEY, SECRET_KEY = "AKIAPLANTED000000000", "pl4nted-aws-s3cret-key"
SUCCESS, INVALID_CREDENTIALS = 0, 49


def make_certificates(folder: Path) -> None:
    """Write ``bundle.pem``, and a ``server.crt`` and ``server.key`` that it certifies."""
    authority, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a bundle for tests")])
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    made = {}
    for subject, of, ca in ((root, authority, True), (name, key, False)):
        builder = x509.CertificateBuilder(root, subject, of.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(hours=1))
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        made[ca] = builder.sign(authority, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    (folder / "bundle.pem").write_bytes(made[True])
    (folder / "server.crt").write_bytes(made[False])
    pem, traditional = serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL
    (folder / "server.key").write_bytes(key.private_bytes(pem, traditional, serialization.NoEncryption()))
    (folder / "server.key").chmod(0o600)


@dataclass
class Judge:
    """Checks the tokens for one database server. ``seen``: the received tokens with the names of the roles."""

    port: int
    seen: list[tuple[str, str]] = field(default_factory=list)

    def takes(self, name: str, token: str) -> bool:
        """Return whether a token is valid now for this server, region and role."""
        self.seen.append((name, token))
        place = urlsplit(f"https://{token}")
        said = {key: values[0] for key, values in parse_qs(place.query).items()}
        now = datetime.now(UTC)
        made = datetime.strptime(said.get("X-Amz-Date", "19700101T000000Z"), "%Y%m%dT%H%M%SZ").replace(
            tzinfo=UTC
        )
        return (
            place.netloc == f"{HOST}:{self.port}"
            and said.get("Action") == "connect"
            and name == f"uid={said.get('DBUser')},dc=aws"
            and said.get("X-Amz-Credential") == f"{ACCESS_KEY}/{made:%Y%m%d}/{REGION}/rds-db/aws4_request"
            and said.get("X-Amz-Expires") == "900"
            and abs(now - made) < timedelta(seconds=900)
            and len(said.get("X-Amz-Signature", "")) == 64
        )


class Directory(socketserver.ThreadingTCPServer):
    """An LDAP server that supports the bind operation (RFC 4511, 4.2)."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, judge: Judge) -> None:
        super().__init__(("127.0.0.1", 0), Bind)
        self.judge = judge
        self.thread = threading.Thread(target=self.serve_forever, args=(0.05,))

    def __enter__(self) -> Directory:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.thread.join(10)
        self.server_close()


class Bind(socketserver.StreamRequestHandler):
    server: Directory

    def handle(self) -> None:
        """Answer one bind request; ignore the unbind request."""
        _, message = self.element(self.rfile.read)
        place = iter(message)

        def read(count: int) -> bytes:
            return bytes(next(place) for _ in range(count))

        _, number = self.element(read)
        self.element(read, into=True)
        _, _version = self.element(read)
        _, name = self.element(read)
        _, password = self.element(read)
        taken = self.server.judge.takes(name.decode(), password.decode())
        result = bytes((0x0A, 1, SUCCESS if taken else INVALID_CREDENTIALS, 4, 0, 4, 0))
        answer = bytes((2, len(number))) + number + bytes((0x61, len(result))) + result
        self.wfile.write(bytes((0x30, len(answer))) + answer)

    @staticmethod
    def element(read: Callable[[int], bytes], *, into: bool = False) -> tuple[int, bytes]:
        """Read a tag, a length and the contents, or only tag and length for ``into`` (X.690, 8.1)."""
        tag, length = read(2)
        if length & 0x80:
            length = int.from_bytes(read(length & 0x7F))
        return tag, b"" if into else read(length)
