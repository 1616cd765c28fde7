"""Forms of the header of a script, with ``revision`` and ``parent`` to be filled in."""

from __future__ import annotations

HEADERS = {
    "template": '''"""Create it.

Revision ID: {revision}
Revises: {parent}
"""

from collections.abc import Sequence

revision: str = "{revision}"
down_revision: str | None = {parent!r}
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None
''',
    "old template": '''"""Create it."""
revision = '{revision}'
down_revision = {parent!r}  # the one before
''',
    "sequence": '''"""Create it."""
revision = "{revision}"
down_revision = ({parent!r},) if False else {parent!r}
''',
    "tuple": '''"""Create it."""
revision = "{revision}"
down_revision = [name for name in [{parent!r}] if name] or None
''',
    "computed": '''"""Create it."""
revision = "{revision}".strip()
down_revision = {parent!r}
''',
    "several lines": '''"""Create it."""
revision = "{revision}"
down_revision = (
    {parent!r}
)
''',
    "comment": """# Copyright

'Create it.'
revision = "{revision}"
down_revision = {parent!r}
""",
    "no text": 'revision = "{revision}"\ndown_revision = {parent!r}\n',
    "text of a program": 'x = """\nrevision = "other"\n"""\nrevision = "{revision}"\ndown_revision = {parent!r}\n',
    "assigned again": '''"""Create it."""
revision = "{revision}"
down_revision = "other"
if True:
    down_revision = {parent!r}
''',
    "label": '''"""Create it."""
revision = "{revision}"
down_revision = {parent!r}
branch_labels = ("label_{revision}",)
''',
    "text with escapes": '''"""Create\\tit."""
revision = "{revision}"
down_revision = {parent!r}
''',
    "another encoding": '''# -*- coding: latin-1 -*-
"""Create it."""
revision = "{revision}"
down_revision = {parent!r}
''',
    "two strings": """"Create" " it."
revision = "{revision}"
down_revision = {parent!r}
""",
    "formatted text": '''"""Create {{}}.""".format(1)
revision = "{revision}"
down_revision = {parent!r}
''',
    "indented text": '''"""Create it.

    And more.
    """
revision = "{revision}"
down_revision = {parent!r}
''',
    "indented label": '''"""Create it."""
revision = "{revision}"
down_revision = {parent!r}
if True:
    branch_labels = ("label_{revision}",)
''',
    "imported label": '''"""Create it."""
from executed_scripts import label_{revision} as branch_labels
revision = "{revision}"
down_revision = {parent!r}
''',
    "label of all names": '''"""Create it."""
revision = "{revision}"
down_revision = {parent!r}
if not down_revision:
    from executed_scripts import *
''',
    "computed label": '''"""Create it."""
revision = "{revision}"
down_revision = {parent!r}
globals()["branch_" + "labels"] = ("label_{revision}",)
''',
    "functions by their names": '''"""Create it."""
revision = "{revision}"
down_revision = {parent!r}
def run(name):
    globals()["run_%s" % name]()
''',
    "label in the text": '''"""Create it.

branch_labels = "other"
"""
revision = "{revision}"
down_revision = {parent!r}
''',
    "label in another text": '''"""Create it."""
revision = "{revision}"
down_revision = {parent!r}
x = """
branch_labels = "other"
"""
''',
    "assigned text": '''"""Create it."""
revision = "{revision}"
down_revision = {parent!r}
__doc__ = "Remove it."
''',
    "text with a tab": '''"""Create	it."""
revision = "{revision}"
down_revision = {parent!r}
''',
    "raw text": '''r"""Create it."""
revision = "{revision}"
down_revision = {parent!r}
''',
}
DEFERRED = {
    *("template", "old template", "several lines", "no text", "comment", "label"),
    *("label in the text", "functions by their names"),
}
"""The forms whose text tells the place of the script."""
