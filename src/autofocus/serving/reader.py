"""The reading half of the prediction log, for the monitor and for people."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from autofocus.errors import NotFound
from autofocus.serving.segments import (
    SHADOW_SUFFIX,
    Segment,
    empty_window,
    join_windows,
    number_of,
    open_table,
    parse_prediction_id,
    read_segment,
    segment_key,
)
from autofocus.types.data import check_project_name
from autofocus.types.production import Window

if TYPE_CHECKING:
    from autofocus.store.objects import ObjectStore

_CACHED_SEGMENTS = 64

Cursor = dict[str, int]


class PredictionLog:
    """All predictions of a project, over all servers that answered for it.

    Segments never change, so reading needs no lock and may run beside the servers.
    """

    def __init__(self, objects: ObjectStore, project: str) -> None:
        check_project_name(project)
        self.objects = objects
        self.project = project
        self._cache: OrderedDict[str, Segment] = OrderedDict()

    def read(
        self,
        cursor: Mapping[str, int] | None = None,
        limit: int = 10_000,
        *,
        roles: Collection[str] | None = None,
        model: str | None = None,
    ) -> tuple[Window, Cursor]:
        """Up to ``limit`` rows after ``cursor`` in the order of their time, and the next cursor.

        The cursor maps server to the next row number to read; start with ``{}``. Rows of other
        roles or models are passed over and not read again. Rows of several servers are in time
        order within one call.
        """
        position: Cursor = dict(cursor or {})
        parts: list[Window] = []
        owners: list[tuple[str, npt.NDArray[np.int64], int]] = []
        for server, keys in self._segments().items():
            windows, rows, scanned = self._scan(keys, position.get(server, 0), limit, roles, model)
            position[server] = max(scanned, position.get(server, 0))
            if windows:
                parts.append(join_windows(windows))
                owners.append((server, np.concatenate(rows), scanned))
        if not parts:
            return empty_window(), position
        window = join_windows(parts)
        source = np.repeat(np.arange(len(parts)), [len(p) for p in parts])
        # Stable: rows of one server stay in the order of their numbers.
        order = np.argsort(window.time_us, kind="stable")
        if len(parts) > 1:
            order = _keep_server_order(order, source)
        taken = order[:limit]
        if len(order) > limit:
            for index, (server, numbers, _) in enumerate(owners):
                used = int((source[taken] == index).sum())
                if used < len(numbers):
                    position[server] = int(numbers[used])
        return window.take(taken), position

    def end(self) -> Cursor:
        """The cursor behind the last stored row."""
        position: Cursor = {}
        for server, keys in self._segments().items():
            position[server] = int(self._segment(keys[-1]).rows[-1]) + 1
        return position

    def tail(
        self,
        limit: int = 100,
        *,
        roles: Collection[str] | None = None,
        model: str | None = None,
        segments: int = 120,
    ) -> Window:
        """The newest matching rows, newest first.

        Looks at no more than the last ``segments`` segments (about a second of traffic each) of
        every server, so what matches rarely may come back in smaller number than there is.
        """
        parts: list[Window] = []
        for keys in self._segments().values():
            missing = limit
            for key in reversed(keys[-segments:]):
                window = self._segment(key).window
                wanted = np.ones(len(window), dtype=bool)
                if roles is not None:
                    wanted &= np.isin(window.role, list(roles))
                if model is not None:
                    wanted &= window.model == model
                index = np.flatnonzero(wanted)[-missing:]
                if len(index):
                    parts.append(window.take(index))
                    missing -= len(index)
                if missing <= 0:
                    break
        if not parts:
            return empty_window()
        found = join_windows(parts)
        newest = np.argsort(-found.time_us, kind="stable")[:limit]
        return found.take(newest)

    def find(self, prediction_id: str) -> dict[str, Any]:
        """One prediction as JSON-safe values; NotFound if it is not in the log (yet).

        Keys are ``id`` and the columns of ``Window`` (``detections`` as ``types.answers`` packs
        them, None for classification), and ``project``, ``server``, ``row``, ``revision`` (of the
        deployment) and ``preprocessing`` (its digest).
        """
        segment, index, server = self._locate(prediction_id)
        window = segment.window
        found: dict[str, Any] = {"id": str(window.ids[index]), "server": server}
        for f in fields(Window):
            if f.name == "detections":
                found[f.name] = json.loads(window.detections[index] or "null")
            elif f.name != "ids":
                value = getattr(window, f.name)[index]
                found[f.name] = value.tolist()
        found["row"] = int(segment.rows[index])
        found["revision"] = int(segment.revision[index])
        found["preprocessing"] = str(segment.preprocessing[index])
        found["project"] = self.project
        return found

    def window(self, prediction_ids: Sequence[str]) -> Window:
        """The rows of these ids, in their order; NotFound names the first missing one."""
        if not prediction_ids:
            return empty_window()
        parts = []
        for prediction_id in prediction_ids:
            segment, index, _ = self._locate(prediction_id)
            parts.append(segment.window.take([index]))
        return join_windows(parts)

    def image(self, prediction_id: str) -> bytes:
        """The request image as it came; NotFound if the server did not keep it.

        The image of a shadow answer is that of the answer it shadowed.
        """
        served = prediction_id.removesuffix(SHADOW_SUFFIX)
        segment, index, server = self._locate(served)
        row = int(segment.rows[index])
        if not segment.window.kept[index]:
            raise NotFound(
                f"The image of prediction {prediction_id} was not kept.",
                hint="Raise the deployment's image sampling rate to keep more.",
            )
        key = segment_key("sampled", self.project, server, int(segment.rows[0]))
        table = open_table(self.objects, key)
        at = int(np.searchsorted(table["row"].to_numpy(), row))
        data: bytes = table["bytes"][at].as_py()
        return data

    def feedback(
        self, cursor: Mapping[str, int] | None = None
    ) -> tuple[list[dict[str, Any]], Cursor]:
        """Truths that arrived after ``cursor`` (server to next object number), and the next one."""
        position: Cursor = dict(cursor or {})
        entries: list[dict[str, Any]] = []
        for key in self.objects.list(f"feedback/{self.project}/"):
            server, number = key.split("/")[-2], number_of(key)
            if number < position.get(server, 0):
                continue
            entries.extend(json.loads(line) for line in self.objects.get(key).splitlines())
            position[server] = number + 1
        entries.sort(key=lambda entry: str(entry.get("at", "")))
        return entries, position

    def _segments(self) -> dict[str, list[str]]:
        servers: dict[str, list[str]] = {}
        for key in self.objects.list(f"predictions/{self.project}/"):
            if key.endswith(".arrow"):
                servers.setdefault(key.split("/")[-2], []).append(key)
        return servers

    def _scan(
        self,
        keys: list[str],
        start: int,
        limit: int,
        roles: Collection[str] | None,
        model: str | None,
    ) -> tuple[list[Window], list[npt.NDArray[np.int64]], int]:
        """Matching rows of one server from row ``start``, and the row behind the last one seen."""
        windows, rows, scanned, count = [], [], start, 0
        for key in keys[_covering(keys, start) :]:
            segment = self._segment(key)
            wanted = segment.rows >= start
            if roles is not None:
                wanted &= np.isin(segment.window.role, list(roles))
            if model is not None:
                wanted &= segment.window.model == model
            index = np.flatnonzero(wanted)
            if count + len(index) > limit:
                index = index[: limit - count]
                if len(index):
                    windows.append(segment.window.take(index))
                    rows.append(segment.rows[index])
                    scanned = int(segment.rows[index[-1]]) + 1
                break
            if len(index):
                windows.append(segment.window.take(index))
                rows.append(segment.rows[index])
                count += len(index)
            scanned = max(scanned, int(segment.rows[-1]) + 1)
        return windows, rows, scanned

    def _locate(self, prediction_id: str) -> tuple[Segment, int, str]:
        parsed = parse_prediction_id(prediction_id)
        if parsed is not None:
            server, row = parsed
            keys = self.objects.list(f"predictions/{self.project}/{server}/")
            at = _covering(keys, row)
            # A shadow answers a little later, at most a few segments on.
            span = 1 if not prediction_id.endswith(SHADOW_SUFFIX) else 60
            for key in keys[at : at + span]:
                segment = self._segment(key)
                hit = np.flatnonzero(segment.window.ids == prediction_id)
                if len(hit):
                    return segment, int(hit[0]), server
        raise NotFound(
            f"There is no prediction {prediction_id!r} in the log of project {self.project!r}.",
            hint="A prediction is in the log about a second after it was answered.",
            prediction=prediction_id,
        )

    def _segment(self, key: str) -> Segment:
        segment = self._cache.get(key)
        if segment is None:
            segment = read_segment(self.objects, key)
            self._cache[key] = segment
            if len(self._cache) > _CACHED_SEGMENTS:
                self._cache.popitem(last=False)
        return segment


def _covering(keys: Sequence[str], row: int) -> int:
    """Index of the segment that may hold ``row``: the last one that starts at or before it."""
    low, high = 0, len(keys)
    while low < high:
        middle = (low + high) // 2
        if number_of(keys[middle]) <= row:
            low = middle + 1
        else:
            high = middle
    return max(0, low - 1)


def _keep_server_order(
    order: npt.NDArray[np.int64], source: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Where clocks step back within a server, its rows still come by number: the cursor of a
    server can only say "everything before this row has been read"."""
    fixed = order.copy()
    for index in np.unique(source):
        places = source[order] == index
        fixed[places] = np.sort(order[places])
    return fixed
