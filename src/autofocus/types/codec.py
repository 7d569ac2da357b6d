"""JSON in and out for the frozen dataclasses of this room.

``encode`` gives JSON-safe values; ``decode`` builds the dataclass again and lets it validate
itself. Understands nested dataclasses, tuples, lists, dicts, ``Optional`` and ``Literal``.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import types as builtin_types
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from autofocus.errors import InvalidInput

T = TypeVar("T")

_NUMBERS = (float, int)
_KNOWN_HINTS: dict[Any, dict[str, Any]] = {}
_SCALARS = frozenset({str, int, float, bool, type(None)})


def encode(value: Any) -> Any:
    """Return ``value`` as JSON-safe dicts, lists and scalars."""
    kind: Any = type(value)
    if kind in _SCALARS:
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: encode(getattr(value, name)) for name in _names(kind)}
    if isinstance(value, Mapping):
        return {str(k): encode(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [encode(v) for v in value]
    return value


def decode(cls: type[T], data: Any, *, where: str = "") -> T:
    """Build ``cls`` from what :func:`encode` gave; unknown or missing fields are named."""
    return _decode(cls, data, where or getattr(cls, "__name__", str(cls)))  # type: ignore[no-any-return]


def canonical_json(value: Any) -> bytes:
    """One spelling per value: sorted keys, no spaces, UTF-8. Basis of every digest."""
    return json.dumps(
        encode(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def digest(value: Any) -> str:
    """sha256 (hex) of the canonical JSON of ``value``."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def _decode(hint: Any, data: Any, where: str) -> Any:
    origin = get_origin(hint)
    if hint is Any:
        return data
    if origin in (Union, builtin_types.UnionType):
        arms = get_args(hint)
        if data is None and type(None) in arms:
            return None
        chosen = [arm for arm in arms if arm is not type(None)]
        if len(chosen) == 1:
            return _decode(chosen[0], data, where)
        for arm in chosen:
            if isinstance(data, Mapping) and data.get("kind") in _kinds(arm):
                return _decode(arm, data, where)
            if isinstance(arm, type) and isinstance(data, arm):
                return data
        raise InvalidInput(f"{where}: {data!r:.200} fits none of {[str(a) for a in chosen]}.")
    if origin is Literal:
        if data not in get_args(hint):
            raise InvalidInput(f"{where}: {data!r} is not one of {list(get_args(hint))}.")
        return data
    if origin in (tuple, list):
        args = get_args(hint)
        if not isinstance(data, (list, tuple)):
            raise InvalidInput(f"{where}: expected a list, got {type(data).__name__}.")
        if origin is tuple and not (len(args) == 2 and args[1] is Ellipsis):
            if len(args) != len(data):
                raise InvalidInput(f"{where}: expected {len(args)} values, got {len(data)}.")
            if all(arg is float for arg in args) and all(type(v) in _NUMBERS for v in data):
                return tuple(_float(v, where) for v in data)  # polygons have thousands of points
            return tuple(
                _decode(a, v, f"{where}[{i}]")
                for i, (a, v) in enumerate(zip(args, data, strict=True))
            )
        items = [_decode(args[0], v, f"{where}[{i}]") for i, v in enumerate(data)]
        return tuple(items) if origin is tuple else items
    if origin in (dict, Mapping) or (isinstance(origin, type) and issubclass(origin, Mapping)):
        if not isinstance(data, Mapping):
            raise InvalidInput(f"{where}: expected a mapping, got {type(data).__name__}.")
        args = get_args(hint)
        return {k: _decode(args[1], v, f"{where}.{k}") for k, v in data.items()}
    if dataclasses.is_dataclass(hint):
        return _decode_dataclass(hint, data, where)
    if hint is float and isinstance(data, int) and not isinstance(data, bool):
        return _float(data, where)
    if isinstance(hint, type) and (
        not isinstance(data, hint) or (isinstance(data, bool) and hint is not bool)
    ):
        raise InvalidInput(
            f"{where}: expected {hint.__name__}, got {data!r} ({type(data).__name__})."
        )
    return data


def _decode_dataclass(cls: Any, data: Any, where: str) -> Any:
    if not isinstance(data, Mapping):
        raise InvalidInput(f"{where}: expected a mapping, got {type(data).__name__}.")
    hints = _hints(cls)
    fields = {f.name: f for f in dataclasses.fields(cls) if f.init}
    problems = []
    for name in data:
        if name not in fields:
            problems.append(f"unknown field {name!r}{_guess(str(name), fields)}")
    for name, f in fields.items():
        required = f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
        if required and name not in data:
            problems.append(f"missing field {name!r}")
    if problems:
        raise InvalidInput(f"{where}: {'; '.join(problems)}.", hint=f"Known: {sorted(fields)}.")
    return cls(**{k: _decode(hints[k], v, f"{where}.{k}") for k, v in data.items()})


def _float(value: float, where: str) -> float:
    try:
        return float(value)
    except OverflowError:
        raise InvalidInput(f"{where}: the number is too large.") from None


@cache
def _names(cls: Any) -> tuple[str, ...]:
    return tuple(f.name for f in dataclasses.fields(cls))


def _hints(cls: Any) -> dict[str, Any]:
    # Evaluating annotations costs more than all else in a small dataclass.
    found = _KNOWN_HINTS.get(cls)
    if found is None:
        found = _KNOWN_HINTS[cls] = get_type_hints(cls)
    return found


def _kinds(cls: Any) -> tuple[Any, ...]:
    """What ``kind`` may be in a dataclass; nothing for another type."""
    return get_args(_hints(cls).get("kind")) if dataclasses.is_dataclass(cls) else ()


def _guess(name: str, known: Any) -> str:
    import difflib

    close = difflib.get_close_matches(name, list(known), n=1)
    return f", did you mean {close[0]!r}?" if close else ""
