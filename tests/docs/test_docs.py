"""What is not documented fails here."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = sorted(p.name for p in (ROOT / "src/autofocus").iterdir() if (p / "__init__.py").exists())


def test_reference_pages_are_what_the_code_says() -> None:
    result = subprocess.run(
        [sys.executable, "docs/reference.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_is_on_the_map(room: str) -> None:
    assert f"`{room}`" in (ROOT / "docs/house.md").read_text()


def test_every_autofocus_command_in_the_readme_exists() -> None:
    import typer

    from autofocus.cli.main import app

    root = typer.main.get_command(app)
    found = re.findall(
        r"^autofocus ([a-z-]+)(?: ([a-z-]+))?", (ROOT / "README.md").read_text(), re.M
    )
    assert found
    for first, second in found:
        command = root.commands.get(first)  # type: ignore[attr-defined]
        assert command is not None, f"README names `autofocus {first}`"
        inner = getattr(command, "commands", None)
        if inner is not None:
            assert second in inner, f"README names `autofocus {first} {second}`"


def test_version_is_in_the_changelog() -> None:
    from autofocus import __version__

    assert __version__ in (ROOT / "CHANGELOG.md").read_text()
