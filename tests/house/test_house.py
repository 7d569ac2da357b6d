"""The house itself: nothing heavy at import, imports in one direction."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = [
    "torch",
    "dbos",
    "fastapi",
    "sqlalchemy",
    "pyarrow",
    "onnxruntime",
    "numpy",
    "cv2",
    "scipy",
]


def _loaded(code: str) -> set[str]:
    script = f"{code}\nimport sys\nprint('\\n'.join(sys.modules), file=sys.stderr)"
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(result.stderr.split())


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("import autofocus", id="package"),
        pytest.param("import autofocus.cli.main", id="command line"),
        pytest.param(
            "from autofocus.cli.main import run\ntry:\n run(['--help'])\nexcept SystemExit: pass",
            id="help",
        ),
    ],
)
def test_nothing_heavy_is_loaded(code: str) -> None:
    assert _loaded(code).isdisjoint(HEAVY)


def test_the_inference_server_loads_no_database_and_no_torch() -> None:
    loaded = _loaded("import autofocus.serving.server")
    assert loaded.isdisjoint({"sqlalchemy", "alembic", "fastapi", "torch", "dbos"})


def test_importing_prints_nothing() -> None:
    result = subprocess.run(
        [sys.executable, "-c", "import autofocus, autofocus.cli.main"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout == ""
    assert result.stderr == ""
