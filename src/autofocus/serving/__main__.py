"""``python -m autofocus.serving``."""

import sys

from autofocus.serving.server import main

if __name__ == "__main__":
    sys.exit(main())
