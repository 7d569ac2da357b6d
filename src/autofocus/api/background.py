"""Work that outlives its request: one thread at a time for each name."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from autofocus.errors import AutofocusError

log = logging.getLogger("autofocus.background")


class Background:
    """Starts work unless it runs already, and knows how the last one ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[str] = set()
        self._errors: dict[str, str] = {}

    def start(self, name: str, work: Callable[[], object]) -> bool:
        """Run ``work`` in a thread; False if that of this name runs already."""
        with self._lock:
            if name in self._running:
                return False
            self._running.add(name)
            self._errors.pop(name, None)
        threading.Thread(target=self._run, args=(name, work), name=name, daemon=True).start()
        return True

    def state(self, name: str) -> tuple[bool, str]:
        """Whether it runs, and what was wrong the last time (empty: nothing)."""
        with self._lock:
            return name in self._running, self._errors.get(name, "")

    def _run(self, name: str, work: Callable[[], object]) -> None:
        said = ""
        try:
            work()
        except AutofocusError as error:
            said = str(error)
        except Exception as error:
            # Nobody waits for this thread: what went wrong must be told by its state.
            log.exception("background work for %s failed", name)
            said = repr(error)
        finally:
            with self._lock:
                self._running.discard(name)
                if said:
                    self._errors[name] = said
