"""``python -m autofocus.compute.child FOLDER``: run the job that the folder describes."""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from pathlib import Path

from filelock import FileLock, Timeout

from autofocus.compute.executor import write_result


def main(folder: Path) -> int:
    """Run the job once; another process that runs it already makes this one leave."""
    lock = FileLock(folder / "lock")
    try:
        # Who asks whether the job runs holds the lock for a moment; who runs it holds it on.
        lock.acquire(timeout=1)
    except Timeout:
        return 0
    if (folder / "result.json").exists():
        return 0
    (folder / "pid").write_text(f"{os.getpid()}\n")
    os.nice(int(os.environ.get("AUTOFOCUS_JOB_NICENESS", "0")))
    order = json.loads((folder / "job.json").read_text())
    module, _, name = order["task"].partition(":")
    try:
        result = getattr(importlib.import_module(module), name)(**order["arguments"])
    except Exception as error:  # noqa: BLE001 - whatever it is, the one who asked must learn it
        traceback.print_exc()
        write_result(
            folder,
            {
                "state": "failed",
                "kind": type(error).__name__,
                "error": str(error) or type(error).__name__,
            },
        )
        return 1
    write_result(folder, {"state": "done", "result": result})
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
