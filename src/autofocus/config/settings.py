"""Settings of a workspace: one frozen value from ``settings.yaml`` and ``AUTOFOCUS_*``."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from autofocus.errors import InvalidInput
from autofocus.types.codec import decode

PREFIX = "AUTOFOCUS_"


@dataclass(frozen=True, slots=True)
class Settings:
    """Where a workspace keeps things and how it listens.

    ``database`` and ``store`` empty: SQLite and a folder inside the workspace. ``author`` signs
    labels, versions and decisions made from this machine. ``max_pixels`` is the decode-bomb
    limit per image. ``max_upload_megabytes`` bounds one uploaded file, ``max_import_megabytes`` all
    files of one import through the browser. ``search_megabytes`` bounds the memory that searches
    take for one project's rows. ``threads`` 0: as many as there are cores.
    """

    database: str = ""
    store: str = ""
    host: str = "127.0.0.1"
    port: int = 8700
    inference_port: int = 8701
    author: str = ""
    max_pixels: int = 64_000_000
    max_upload_megabytes: int = 64
    max_import_megabytes: int = 4096
    search_megabytes: int = 1000
    threads: int = 0
    log_level: str = "INFO"
    ray_address: str = ""

    def __post_init__(self) -> None:
        for name in ("port", "inference_port"):
            value = getattr(self, name)
            if not 0 <= value <= 65535:
                raise InvalidInput(f"{name} must be a TCP port in 0..65535, got {value}.")


def load_settings(root: Path, environ: Mapping[str, str] | None = None) -> Settings:
    """Defaults, then ``<root>/settings.yaml``, then ``AUTOFOCUS_<FIELD>`` of the environment."""
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    path = root / "settings.yaml"
    if path.exists():
        import yaml

        try:
            values = yaml.safe_load(path.read_text()) or {}
        except yaml.YAMLError as exc:
            raise InvalidInput(f"{path} is not valid YAML: {exc}.", path=str(path)) from exc
    for f in fields(Settings):
        raw = environ.get(PREFIX + f.name.upper())
        if raw is None:
            continue
        if f.type == "int":
            try:
                values[f.name] = int(raw)
            except ValueError as exc:
                raise InvalidInput(
                    f"{PREFIX}{f.name.upper()} must be a whole number, got {raw!r}."
                ) from exc
        else:
            values[f.name] = raw
    return decode(Settings, values, where=str(path))


@dataclass(frozen=True, slots=True)
class SettingInForce:
    """A setting, and where its value comes from: ``default``, ``settings.yaml``, the name of
    the variable of the environment, or ``the command line``."""

    name: str
    value: str | int
    source: str
    means: str


def settings_in_force(
    settings: Settings, root: Path, environ: Mapping[str, str] | None = None
) -> list[SettingInForce]:
    """Every setting with its source; passwords in URLs are hidden."""
    from autofocus.config.words import SETTINGS

    environ = os.environ if environ is None else environ
    path = root / "settings.yaml"
    written: Mapping[str, Any] = {}
    if path.exists():
        import yaml

        written = yaml.safe_load(path.read_text()) or {}
    found = []
    for f in fields(Settings):
        value = getattr(settings, f.name)
        source = "default"
        if PREFIX + f.name.upper() in environ:
            source = PREFIX + f.name.upper()
        elif f.name in written:
            source = "settings.yaml"
        elif value != f.default:
            source = "the command line"
        if isinstance(value, str):
            value = re.sub(r"://([^:/@]*):[^@/]*@", r"://\1:...@", value)
        found.append(SettingInForce(f.name, value, source, SETTINGS[f.name]))
    return found
