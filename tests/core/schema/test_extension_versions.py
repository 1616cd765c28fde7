from __future__ import annotations

import pytest

from wish_rollout.core.schema.extension_versions import find_pinned_extensions, pin_versions
from wish_rollout.core.schema.snapshot import Snapshot


@pytest.mark.parametrize(
    ("script", "names"),
    [
        ("""op.execute("CREATE EXTENSION hstore VERSION '1.8'")""", {"hstore"}),
        (
            """op.execute('CREATE EXTENSION IF NOT EXISTS "uuid-ossp" WITH SCHEMA s VERSION "1.1"')""",
            {"uuid-ossp"},
        ),
        ("op.execute('create extension a\\n  with schema \"S\"\\n  version \\'1\\' cascade')", {"a"}),
        ("""op.execute("ALTER EXTENSION hstore UPDATE TO '1.8'")""", {"hstore"}),
        ("""op.execute("ALTER EXTENSION hstore UPDATE")""", set()),
        ("""op.execute("CREATE EXTENSION hstore WITH SCHEMA public CASCADE")  # whatever version""", set()),
        ("""op.execute("CREATE EXTENSION a; CREATE EXTENSION b VERSION '2'")""", {"b"}),
        ("""op.execute("COMMENT ON EXTENSION a IS 'version'")""", set()),
        ("""op.execute("CREATE EXTENSION Hstore VERSION '1.8'")""", {"hstore"}),
        ("""op.execute('CREATE EXTENSION "Odd" VERSION 1')""", {"Odd"}),
        ("""# op.execute("CREATE EXTENSION hstore VERSION '1.8'")""", set()),
        ("""op.execute("-- CREATE EXTENSION hstore VERSION '1.8'\\nSELECT 1")""", set()),
        ("""op.execute("CREATE EXTENSION hstore /* or so */ WITH /* the */ VERSION '1.8'")""", {"hstore"}),
        ("""op.execute("CREATE EXTENSION hstore " f"SCHEMA {schema} " + "VERSION '1.8'")""", {"hstore"}),
        ("""op.execute("CREATE EXTENSION hstore " + f"VERSION '{version}'")""", {"hstore"}),
        ("""def upgrade():\n    'CREATE EXTENSION hstore VERSION 1, later.'""", set()),
        ("""op.execute("DO $$ BEGIN CREATE EXTENSION hstore VERSION '1'; END $$")""", {"hstore"}),
        ("""op.execute("CREATE EXTENSION hstore SCHEMA version")""", set()),
        ("""'extension', = (""", set()),
    ],
)
def test_script_pins_the_versions_that_it_sets(script: str, names: set[str]) -> None:
    assert find_pinned_extensions([script]) == names


def test_versions_can_be_pinned_and_unpinned() -> None:
    unpinned = Snapshot({("extension", '"uuid-ossp"'): {"schema": "public", "installed version": "1.1"}})
    pinned = pin_versions(unpinned, frozenset({"uuid-ossp"}))
    assert pinned.objects["extension", '"uuid-ossp"'] == {"schema": "public", "version": "1.1"}
    assert pinned.fingerprint != unpinned.fingerprint
    assert dict(pin_versions(pinned, frozenset()).objects) == dict(unpinned.objects)
    assert pin_versions(unpinned, frozenset({"other"})) is unpinned
