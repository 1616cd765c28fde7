"""A secret in a script: it is in the repository's history, and the server logs it as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.hazards.hazard import HazardText
from wish_rollout.core.text.secret_masking import is_masked, mask_recorded
from wish_rollout.core.text.sql_tokens import tokenize_statements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.hazards.hazard import Hazard, RevisionStep

KIND = "secret-in-script"
WHY = (
    "Everybody who can read the repository can read it, and the server logs it as well (log_statement, and every "
    "statement that fails)"
)
INSTEAD = """\
# let the revision create the role without a password (LOGIN, PASSWORD NULL), and set it outside of the release:
#     psql -c '\\\\password ROLE'      (psql sends a hash); for a user mapping or a subscription: a password file,
#     passfile=… (manual, 32.16), or a service file that only the server can read"""


def assess(step: RevisionStep) -> Iterator[Hazard]:
    """Yield a hazard for each statement with a secret."""
    for text in step.script.texts:
        if is_masked(mask_recorded(text)):
            words = (tokenize_statements(text) or [("statement",)])[0]
            subject = " ".join(word for word in words[:3] if word[0].isalnum())
            yield step.hazard(KIND, subject, "no table", HazardText("no lock", WHY, INSTEAD, ("breaks",)))
