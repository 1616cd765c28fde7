"""PostgreSQL server programs that are installed on this machine, and the extensions that come with them."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

PLACES = (
    "/usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "/usr/pgsql-*/bin",  # Red Hat, from the PostgreSQL project
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
    "/usr/local/pgsql/bin",
)
SUPPORTED = range(14, 19)


@cache
def installed_bindirs() -> tuple[tuple[int, Path], ...]:
    """Return the major version and the folder of all server programs of a supported version, the newest first."""
    folders = {
        folder for place in PLACES for folder in Path("/").glob(place.lstrip("/")) if _is_complete(folder)
    }
    versions = {folder: program_version(folder) for folder in folders}
    found = [(version, folder) for folder, version in versions.items() if version in SUPPORTED]
    return tuple(sorted(found, reverse=True))


def _is_complete(folder: Path) -> bool:
    return all((folder / program).is_file() for program in ("postgres", "initdb", "pg_ctl"))


@cache
def program_version(folder: Path) -> int:
    """Return the major version of the server program in a folder; 0 if it cannot be run."""
    text = _output(folder / "postgres", "--version")
    numbers = [word.split(".")[0] for word in text.split() if word[:1].isdigit()]
    return int("".join(filter(str.isdigit, numbers[0]))[:2]) if numbers else 0


def _output(program: Path, option: str) -> str:
    try:
        run = subprocess.run(
            [str(program), option],
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
            env={"LC_ALL": "C"},
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return run.stdout.strip()


@cache
def available_extensions(bindir: Path) -> frozenset[str]:
    """Return the extensions whose control files are installed with the programs of a folder."""
    shared = {bindir.parent / "share", bindir.parent / "share" / "postgresql"}
    if (bindir / "pg_config").is_file() and (directory := _output(bindir / "pg_config", "--sharedir")):
        shared.add(Path(directory))
    if bindir.match("/usr/lib/postgresql/*/bin"):  # Debian keeps pg_config in another package
        shared.add(Path("/usr/share/postgresql") / bindir.parent.name)
    return frozenset(
        file.name.removesuffix(".control")
        for folder in shared
        for file in (folder / "extension").glob("*.control")
    )
