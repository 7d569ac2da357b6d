"""Write the API's OpenAPI document, from which the page's types are generated.

``python web/write_openapi.py`` and then ``npm run types`` in this folder.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from autofocus.api.app import openapi_document
from autofocus.workspace.workspace import Workspace

TARGET = Path(__file__).parent / "openapi.json"


def document() -> str:
    """The document of this code as text."""
    with tempfile.TemporaryDirectory() as folder, Workspace.open(Path(folder) / "w") as workspace:
        return json.dumps(openapi_document(workspace), indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    TARGET.write_text(document(), encoding="utf-8")
