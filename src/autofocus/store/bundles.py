"""Model bundles in the object store: published once, verified whenever they are opened."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from pathlib import Path

from filelock import FileLock

from autofocus.errors import Corrupted, InvalidInput, NotFound
from autofocus.store.objects import ObjectStore
from autofocus.types.codec import canonical_json, decode
from autofocus.types.models import ModelBundle

MANIFEST = "bundle.json"


def publish_bundle(objects: ObjectStore, folder: Path) -> str:
    """Store the bundle in ``folder`` and return its digest, which names it.

    ``bundle.json`` is written last, so a half-published bundle is none. Raises InvalidInput if a
    file is missing or is not what ``bundle.json`` says.
    """
    try:
        text = (folder / MANIFEST).read_text()
    except FileNotFoundError as exc:
        raise InvalidInput(f"{folder} is not a bundle: it has no {MANIFEST}.") from exc
    bundle = decode(ModelBundle, json.loads(text), where=MANIFEST)
    contents = {}
    for name, expected in sorted(bundle.files.items()):
        path = folder / name
        if not _is_plain(name) or not path.is_file():
            raise InvalidInput(f"The bundle in {folder} lists {name!r}, which is not there.")
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != expected:
            raise InvalidInput(f"{path} is not what {MANIFEST} says (sha256 differs).")
        contents[name] = data
    for name, data in contents.items():
        objects.put(f"bundles/{bundle.digest}/{name}", data)
    objects.put(f"bundles/{bundle.digest}/{MANIFEST}", canonical_json(bundle))
    return bundle.digest


def open_bundle(objects: ObjectStore, digest: str, cache: Path) -> tuple[ModelBundle, Path]:
    """A verified local copy of a bundle: its description and its folder under ``cache``.

    A copy that was damaged since (a power cut, a full disk) is fetched again. Raises NotFound if
    there is none, Corrupted if a byte is not what was published.
    """
    folder = cache / "bundles" / digest
    bundle = _cached(folder, digest)
    if bundle is None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # One process at a time, or one would clear away what another has just fetched.
        with FileLock(cache / "bundles.lock"):
            bundle = _cached(folder, digest)
            if bundle is None:
                shutil.rmtree(folder, ignore_errors=True)
                _fetch(objects, digest, folder)
                bundle = _cached(folder, digest)
    if bundle is None:
        raise Corrupted(
            f"The copy of bundle {digest[:12]} in {folder} does not stay as it was written.",
            hint="Look at the disk that holds it, or name another folder for caches.",
        )
    return bundle, folder


def _cached(folder: Path, digest: str) -> ModelBundle | None:
    """The bundle in a cache folder, None unless each of its bytes is right."""
    try:
        bundle = decode(ModelBundle, json.loads((folder / MANIFEST).read_text()), where=MANIFEST)
        sound = bundle.digest == digest and all(
            hashlib.sha256((folder / name).read_bytes()).hexdigest() == expected
            for name, expected in bundle.files.items()
        )
    except (FileNotFoundError, ValueError):
        return None
    return bundle if sound else None


def _is_plain(name: str) -> bool:
    """Whether a file of that name lies in the bundle's own folder."""
    return (
        name not in ("", "..") and Path(name).name == name and "\\" not in name and name != MANIFEST
    )


def _fetch(objects: ObjectStore, digest: str, folder: Path) -> None:
    try:
        text = objects.get(f"bundles/{digest}/{MANIFEST}")
    except NotFound as exc:
        raise NotFound(f"There is no model bundle {digest[:12]} in {objects.url}.") from exc
    try:
        bundle = decode(ModelBundle, json.loads(text), where=MANIFEST)
    except ValueError as exc:
        raise Corrupted(f"The description of bundle {digest[:12]} is damaged: {exc}") from exc
    if bundle.digest != digest or not all(map(_is_plain, bundle.files)):
        raise Corrupted(f"Bundle {digest[:12]} describes another one ({bundle.digest[:12]}).")
    part = Path(tempfile.mkdtemp(prefix=f".{digest[:12]}-", dir=folder.parent))
    try:
        for name, expected in bundle.files.items():
            data = objects.get(f"bundles/{digest}/{name}")
            if hashlib.sha256(data).hexdigest() != expected:
                raise Corrupted(
                    f"{name} of bundle {digest[:12]} is not what was published.",
                    hint="Restore the object store from a backup, or train the model again: "
                    "autofocus reproduce MODEL.",
                )
            (part / name).write_bytes(data)
        (part / MANIFEST).write_bytes(text)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
