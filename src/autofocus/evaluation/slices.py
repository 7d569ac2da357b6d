"""Parts of the test images that are looked at on their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]

MIN_IMAGES = 20
# A column with more values than this says who the image is, not what kind it is.
MAX_VALUES = 50
_FEW_NUMBERS = 12
FIXED_CASE = "fixed_case"
_THIRDS = ("low", "middle", "high")


def metadata_slices(rows: Sequence[Mapping[str, Any]]) -> dict[str, Mask]:
    """``column=value`` to its images (n,), for every value that at least 20 images have.

    Numbers with many values are cut into thirds.
    """
    found: dict[str, Mask] = {}
    for column in sorted({name for row in rows for name in row}):
        if column == FIXED_CASE:
            continue
        values = [row.get(column) for row in rows]
        known = {v for v in values if v is not None}
        numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in known)
        if numbers and len(known) > _FEW_NUMBERS:
            data = np.array([np.nan if v is None else float(v) for v in values])
            found.update(thirds(column, data))
        elif 2 <= len(known) <= MAX_VALUES:
            for value in sorted(known, key=str):
                found[f"{column}={value}"] = np.array([v == value for v in values], dtype=bool)
    return {name: mask for name, mask in found.items() if mask.sum() >= MIN_IMAGES}


def thirds(name: str, values: npt.NDArray[np.float64]) -> dict[str, Mask]:
    """``name=low|middle|high``: thirds of the images by a number; none if it hardly varies."""
    known = np.isfinite(values)
    if known.sum() < 3 * MIN_IMAGES:
        return {}
    first, second = np.quantile(values[known], [1 / 3, 2 / 3])
    if not values[known].min() < first < second < values[known].max():
        return {}
    masks = (values <= first, (values > first) & (values <= second), values > second)
    parts = {f"{name}={t}": m & known for t, m in zip(_THIRDS, masks, strict=True)}
    return {part: mask for part, mask in parts.items() if mask.sum() >= MIN_IMAGES}


def fixed_slices(rows: Sequence[Mapping[str, Any]]) -> dict[str, Mask]:
    """``fixed_case=<case>`` to its images: faults once healed, tested for ever, whatever n."""
    cases = sorted({str(row[FIXED_CASE]) for row in rows if row.get(FIXED_CASE)})
    return {
        f"{FIXED_CASE}={case}": np.array(
            [str(row.get(FIXED_CASE)) == case for row in rows], dtype=bool
        )
        for case in cases
    }
