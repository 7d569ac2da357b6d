"""Opening the web page for a person who sits before a screen."""

from __future__ import annotations

import os
import sys
import webbrowser
from collections.abc import Mapping


def open_page(url: str, environ: Mapping[str, str] | None = None) -> bool:
    """Open ``url`` in the person's browser; False where there is no screen to open it on.

    Without a screen Python would fall back to a text browser, which would take the terminal from
    the story; ``$BROWSER`` says that a browser is wanted anyway.
    """
    environ = os.environ if environ is None else environ
    screen = sys.platform in ("win32", "darwin") or any(
        environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    )
    return screen and webbrowser.open(url)
