"""Autofocus: vision models that stay sharp in production.

``Workspace`` is the one noun::

    from autofocus import Workspace
    with Workspace.open(".autofocus") as workspace:
        eyes = workspace.project("eyes")
        eyes.data.import_path("photos/")

Importing this package loads nothing heavy; ``Workspace`` is resolved on first use.
"""

from typing import TYPE_CHECKING

__version__ = "0.1.0"
__all__ = ["Workspace", "__version__"]

if TYPE_CHECKING:
    from autofocus.workspace.workspace import Workspace


def __getattr__(name: str) -> object:
    if name == "Workspace":
        from autofocus.workspace.workspace import Workspace

        return Workspace
    raise AttributeError(f"module 'autofocus' has no attribute {name!r}")
