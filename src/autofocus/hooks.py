"""Plug-in hooks: one line each; the built-ins come through the same door.

A plug-in is a package with an entry point in the group ``autofocus``::

    [project.entry-points.autofocus]
    my_formats = "my_package.formats"

and functions of the names below marked with :data:`hookimpl`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from autofocus.events import Event

NAME = "autofocus"
hookspec = pluggy.HookspecMarker(NAME)
hookimpl = pluggy.HookimplMarker(NAME)


class HookSpecs:
    """Every hook that Autofocus calls."""

    @hookspec
    def import_formats(self) -> Mapping[str, Callable[..., Any]]:  # type: ignore[empty-body]
        """Name to reader: (path, ReadOptions) to what is found there (``data.formats.base``)."""

    @hookspec
    def export_formats(self) -> Mapping[str, Callable[..., Any]]:  # type: ignore[empty-body]
        """Name to writer: (Manifest, empty folder, WriteOptions) to a report of the files."""

    @hookspec
    def architectures(self) -> Mapping[str, Callable[..., Any]]:  # type: ignore[empty-body]
        """Name to builder of a torch module for the given classes and image size."""

    @hookspec
    def notify(self, event: Event) -> None:
        """Called once for every event after it is stored."""


def plugin_manager(*, discover: bool = True, builtins: tuple[object, ...] = ()) -> Any:
    """A manager with the built-ins registered and, if ``discover``, installed plug-ins."""
    manager = pluggy.PluginManager(NAME)
    manager.add_hookspecs(HookSpecs)
    for plugin in builtins:
        manager.register(plugin)
    if discover:
        manager.load_setuptools_entrypoints(NAME)
    return manager


def merge(results: list[Mapping[str, Callable[..., Any]]]) -> dict[str, Callable[..., Any]]:
    """One table of what the plug-ins offer; a later plug-in may replace a built-in by name."""
    table: dict[str, Callable[..., Any]] = {}
    for mapping in reversed(results):  # pluggy calls the last registered first
        table.update(mapping)
    return table
