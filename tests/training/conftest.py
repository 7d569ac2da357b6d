"""A tiny project in a real workspace."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from shapes import CLASSES, draw

from autofocus import Workspace
from autofocus.data.dataset import NewImage
from autofocus.types.data import Split, Tag
from autofocus.workspace.workspace import Project


@dataclass
class World:
    project: Project
    version: str


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    workspace = Workspace.open(tmp_path / "w")
    project = workspace.create_project("shapes", classes=CLASSES)
    images = []
    plan: tuple[tuple[Split, int], ...] = (("train", 60), ("val", 24), ("test", 30))
    for split, count in plan:
        for i in range(count):
            label = CLASSES[i % 2]
            key = f"{split}/{i}.png"
            data = draw(zlib.crc32(key.encode()), label)
            images.append(NewImage(key, data, split, {}, "import", Tag(label), "import", "test"))
    project.data.add_images(images)
    version = project.data.commit("first", author="test").digest
    yield World(project, version)
    workspace.close()
