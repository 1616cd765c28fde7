"""The digest of a JSON value in its canonical form."""

from __future__ import annotations

import hashlib
import json


def canonical_digest(value: object) -> str:
    """Return SHA-256 of a JSON value in its canonical form: sorted keys, no spaces, UTF-8."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
