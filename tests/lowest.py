"""Create a virtual environment with other versions of the dependencies, to find whether pyproject.toml tells the truth.

``python -m tests.lowest FOLDER`` installs the lowest version that pyproject.toml allows of each dependency;
``--only REQUIREMENT …`` installs just those. Everything else comes from the environment that runs this.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]


def lowest(requirement: str) -> str:
    """Return a requirement of the lowest version that another one allows."""
    name, bound = re.fullmatch(r"([^<>=!~;\s]+)\s*>=\s*([\w.]+).*", requirement).groups()  # type: ignore[union-attr]
    return f"{name}=={bound}"


def requirements() -> list[str]:
    """Return the dependencies of pyproject.toml, and of the extras that tests need, at their lowest versions."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    return [lowest(each) for each in (*project["dependencies"], *extras["sandbox"])]


def create(folder: Path, wanted: list[str]) -> None:
    """Create the environment, unless it has these versions already."""
    marker = folder / "installed"
    if marker.exists() and marker.read_text(encoding="utf-8") == "\n".join(wanted):
        return
    venv.create(folder, clear=True)  # without pip, whose installation takes longer than the rest
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python")]
    pip += ["install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *wanted], check=True, timeout=900)
    packages = next((folder / "lib").glob("python*/site-packages"))
    others = sysconfig.get_paths()["purelib"]
    (packages / "others.pth").write_text(f"{ROOT}\n{others}\n", encoding="utf-8")
    marker.write_text("\n".join(wanted), encoding="utf-8")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="+")
    options = parser.parse_args()
    wanted = options.only or requirements()
    sys.stderr.write(f"installing into {options.folder}: {' '.join(wanted)}\n")
    create(options.folder, wanted)


if __name__ == "__main__":
    main()
