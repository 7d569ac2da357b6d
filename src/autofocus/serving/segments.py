"""The prediction log on disk: Arrow IPC objects, written once, never changed.

``predictions/<project>/<server>/<first row>.arrow`` holds the rows of about a second,
``sampled/<project>/<server>/<first row>.arrow`` the kept request images of the same rows, and
``feedback/<project>/<server>/<n>.jsonl`` truths that clients sent. Row numbers count all
predictions of a server over all its projects; they rise within a segment and from segment to
segment, with gaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from autofocus.errors import Corrupted
from autofocus.types.production import Window

if TYPE_CHECKING:
    from autofocus.store.objects import ObjectStore

SHADOW_SUFFIX = "-shadow"


@dataclass(slots=True, eq=False)
class LogRow:
    """One prediction as the server remembers it until it is written.

    Not frozen: the log numbers it on the way in, and this is on the path of every request.
    """

    row: int
    id: str
    project: str
    time_us: int
    model: str
    role: str
    request_key: str
    predicted: int
    probabilities: npt.NDArray[np.float32]
    whitened: npt.NDArray[np.float32]
    brightness: float
    contrast: float
    blur: float
    latency_ms: float
    sha256: str
    kept: bool
    keep_probability: float
    metadata: str
    revision: int
    preprocessing: str
    detections: bytes = b""
    outputs: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """A stored segment: ``rows`` (n,) row numbers beside the ``window`` of the same length;
    ``revision`` and ``preprocessing`` say which deployment and which pixels."""

    rows: npt.NDArray[np.int64]
    window: Window
    revision: npt.NDArray[np.int64]
    preprocessing: npt.NDArray[np.str_]


def segment_key(kind: str, project: str, server: str, first: int) -> str:
    """The key of a segment; ``kind`` is ``predictions`` or ``sampled``."""
    return f"{kind}/{project}/{server}/{first:012d}.arrow"


def feedback_key(project: str, server: str, number: int) -> str:
    """The key of the ``number``-th feedback object of a server."""
    return f"feedback/{project}/{server}/{number:012d}.jsonl"


def number_of(key: str) -> int:
    """The number in a segment's or feedback object's name."""
    return int(key.rsplit("/", 1)[1].split(".", 1)[0])


def prediction_id(server: str, row: int) -> str:
    """The id that a client gets."""
    return f"p-{server}-{row:012d}"


def parse_prediction_id(id: str) -> tuple[str, int] | None:
    """Server and row of an id, None if it is not one; a shadow's id gives its served row."""
    head, _, number = id.removesuffix(SHADOW_SUFFIX).rpartition("-")
    if not head.startswith("p-") or not number.isdecimal() or len(head) < 3:
        return None
    return head[2:], int(number)


_STRINGS = ("id", "model", "role", "request_key", "sha256", "metadata", "preprocessing")
_FLOATS = ("brightness", "contrast", "blur", "latency_ms", "keep_probability")


def encode_rows(rows: Sequence[LogRow]) -> bytes:
    """Rows of one project, in order, as an Arrow IPC file."""
    columns: dict[str, Any] = {"row": pa.array([r.row for r in rows], pa.int64())}
    for name in _STRINGS:
        values = [getattr(r, name) for r in rows]
        array = pa.array(values, pa.string())
        columns[name] = (
            array if name in ("id", "request_key", "sha256") else array.dictionary_encode()
        )
    for name in ("time_us", "predicted", "revision"):
        columns[name] = pa.array([getattr(r, name) for r in rows], pa.int64())
    for name in _FLOATS:
        columns[name] = pa.array([getattr(r, name) for r in rows], pa.float32())
    columns["kept"] = pa.array([r.kept for r in rows], pa.bool_())
    for name in ("probabilities", "whitened"):
        matrix = _stack([getattr(r, name) for r in rows])
        columns[name] = _matrix(matrix)
    if any(r.outputs for r in rows):
        # Only where objects are seen: classification does not pay for it.
        columns["detections"] = pa.array([r.detections for r in rows], pa.binary())
        columns["outputs"] = _matrix(_stack([np.array(r.outputs, np.float32) for r in rows]))
    return _to_ipc(pa.table(columns))


def _matrix(matrix: npt.NDArray[np.float32]) -> Any:
    return pa.FixedSizeListArray.from_arrays(
        pa.array(matrix.ravel(), pa.float32()), matrix.shape[1]
    )


def encode_images(images: Sequence[tuple[int, str, str, bytes]]) -> bytes:
    """Kept images as (row, id, sha256, bytes)."""
    rows, ids, hashes, data = zip(*images, strict=True)
    return _to_ipc(
        pa.table(
            {
                "row": pa.array(rows, pa.int64()),
                "id": pa.array(ids, pa.string()),
                "sha256": pa.array(hashes, pa.string()),
                "bytes": pa.array(data, pa.large_binary()),
            }
        )
    )


def open_table(objects: ObjectStore, key: str) -> Any:
    """The Arrow table behind ``key``, memory-mapped where the store is local."""
    path = objects.local_path(key)
    try:
        if path is not None and path.exists():
            with pa.memory_map(str(path)) as source:
                return pa.ipc.open_file(source).read_all()
        return pa.ipc.open_file(pa.py_buffer(objects.get(key))).read_all()
    except pa.ArrowInvalid as exc:
        raise Corrupted(f"Log segment {key} is not a whole Arrow file: {exc}.", key=key) from exc


def read_segment(objects: ObjectStore, key: str) -> Segment:
    """Rows and window of a stored segment."""
    table = open_table(objects, key)
    special = ("ids", "kept", "detections")
    columns = {
        f.name: _column(table, f.name)
        for f in fields(Window)
        if f.name not in special and f.name in table.column_names
    }
    if "detections" in table.column_names:
        columns["detections"] = np.array(table["detections"].to_pylist(), dtype=np.object_)
    window = Window(
        ids=_strings(table, "id"),
        kept=np.asarray(table["kept"].to_numpy(), dtype=np.bool_),
        **columns,
    )
    return Segment(
        rows=_column(table, "row"),
        window=window,
        revision=_column(table, "revision"),
        preprocessing=_column(table, "preprocessing"),
    )


def join_windows(windows: Sequence[Window]) -> Window:
    """Windows one after the other; missing columns of narrower matrices are 0 (probabilities) or
    NaN."""
    if len(windows) == 1:
        return windows[0]
    joined: dict[str, Any] = {}
    for f in fields(Window):
        parts = [getattr(w, f.name) for w in windows]
        if f.name in ("probabilities", "whitened", "outputs"):
            fill = 0.0 if f.name == "probabilities" else np.nan
            width = max(p.shape[1] for p in parts)
            parts = [_widen(p, width, fill) for p in parts]
        joined[f.name] = np.concatenate(parts)
    return Window(**joined)


def empty_window(classes: int = 0) -> Window:
    """A window without rows."""
    floats, strings = np.zeros(0, np.float32), np.zeros(0, np.str_)
    return Window(
        ids=strings, time_us=np.zeros(0, np.int64), model=strings, role=strings,
        request_key=strings, predicted=np.zeros(0, np.int64),
        probabilities=np.zeros((0, classes), np.float32), whitened=np.zeros((0, 0), np.float32),
        brightness=floats, contrast=floats, blur=floats, latency_ms=floats, sha256=strings,
        kept=np.zeros(0, np.bool_), keep_probability=floats, metadata=strings,
    )  # fmt: skip


def _to_ipc(table: Any) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _stack(rows: Sequence[npt.NDArray[np.float32]]) -> npt.NDArray[np.float32]:
    width = max(len(r) for r in rows)
    if all(len(r) == width for r in rows):
        return np.stack(rows)
    # Models of different width in one second, around a swap.
    return np.stack([np.pad(r, (0, width - len(r)), constant_values=np.nan) for r in rows])


def _widen(matrix: npt.NDArray[np.float32], width: int, fill: float) -> npt.NDArray[np.float32]:
    missing = width - matrix.shape[1]
    return np.pad(matrix, ((0, 0), (0, missing)), constant_values=fill) if missing else matrix


def _strings(table: Any, name: str) -> npt.NDArray[np.str_]:
    return np.array(table[name].to_pylist(), dtype=np.str_)


def _column(table: Any, name: str) -> Any:
    if name in _STRINGS:
        return _strings(table, name)
    column = table[name].combine_chunks()
    if pa.types.is_fixed_size_list(column.type):
        width = column.type.list_size
        return np.asarray(column.flatten().to_numpy()).reshape(-1, width)
    return np.asarray(column.to_numpy())
