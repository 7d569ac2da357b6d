"""``python -m autofocus`` is the ``autofocus`` command."""

from autofocus.cli.main import run

run()
