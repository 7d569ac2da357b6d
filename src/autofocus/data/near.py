"""Images that look nearly alike, found without comparing all with all.

Hashes are cut into bands: two that differ in at most ``bits`` bits are equal in one of ``bits + 1``
bands at least (pigeonhole), so only images that share a band are compared. Flat pictures share all
of them by chance, so within a band only images of nearly one brightness are.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Groups = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# How far statistics of a pair may be apart, as a share.
ALIKE = 0.05
_ROWS = 256  # of a distance matrix at a time


def near_pairs(
    hashes: Hashes, looks: Floats, *, groups: Groups, bits: int
) -> Iterator[tuple[int, int]]:
    """Pairs (i, j) of images in different groups that look nearly alike, groups[i] < groups[j].

    ``hashes`` (n,) are 64-bit perceptual hashes; those of a pair differ in at most ``bits``.
    ``looks`` (n, d) are statistics, brightness first; those of a pair agree within 5 %, because
    the hashes of flat pictures agree by chance.
    """
    seen: set[tuple[int, int]] = set()
    # On this scale what agrees within 5 % lies within one reach, wherever it is.
    light = np.log1p(np.abs(looks[:, 0])) if looks.shape[1] else np.zeros(len(hashes))
    reach = -np.log1p(-ALIKE) + 1e-9
    edges = np.linspace(0, 64, bits + 2).astype(int)
    for low, high in pairwise(edges):
        mask = np.uint64((1 << int(high - low)) - 1)
        band = (hashes >> np.uint64(low)) & mask
        order = np.lexsort((light, band))
        starts = np.flatnonzero(np.r_[True, np.diff(band[order]) != 0, True])
        for start, end in pairwise(starts.tolist()):
            if end - start < 2:
                continue
            members = order[start:end]
            if groups[members].min() == groups[members].max():
                continue
            shade = light[members]
            for at in range(0, len(members), _ROWS):
                rows = members[at : at + _ROWS]
                first = np.searchsorted(shade, light[rows[0]] - reach, "left")
                last = np.searchsorted(shade, light[rows[-1]] + reach, "right")
                for pair in _pairs(hashes, groups, looks, rows, members[first:last], bits):
                    if pair not in seen:
                        seen.add(pair)
                        yield pair


def alike_pairs(
    embedding: npt.NDArray[np.float16],
    hashes: Hashes,
    groups: Groups,
    *,
    cosine: float,
    bits: int,
) -> list[tuple[int, int]]:
    """Pairs (i, j), groups[i] < groups[j], that a model finds alike and whose hashes do not differ
    much.

    ``embedding`` (n, width) of unit length. A model that tells few classes apart finds many images
    alike; that their perceptual hashes differ in at most ``bits``, too, is no chance.
    """
    found: list[tuple[int, int]] = []
    for group in np.unique(groups)[:-1].tolist():
        ours, theirs = np.flatnonzero(groups == group), np.flatnonzero(groups > group)
        wide = embedding[theirs].astype(np.float32).T
        for at in range(0, len(ours), _ROWS):
            rows = ours[at : at + _ROWS]
            r, c = np.nonzero(embedding[rows].astype(np.float32) @ wide >= cosine)
            i, j = rows[r], theirs[c]
            near = np.bitwise_count(hashes[i] ^ hashes[j]) <= bits
            found += zip(i[near].tolist(), j[near].tolist(), strict=True)
    return found


def _pairs(
    hashes: Hashes, groups: Groups, looks: Floats, rows: Groups, columns: Groups, bits: int
) -> list[tuple[int, int]]:
    near = np.bitwise_count(hashes[rows, None] ^ hashes[None, columns]) <= bits
    near &= groups[rows, None] < groups[None, columns]
    r, c = np.nonzero(near)
    one, other = looks[rows[r]], looks[columns[c]]
    alike = np.all(np.abs(one - other) <= ALIKE * (1.0 + np.abs(one)), axis=1)
    return list(zip(rows[r[alike]].tolist(), columns[c[alike]].tolist(), strict=True))
