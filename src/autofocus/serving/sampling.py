"""Which request images are kept, with the exact probability of each choice."""

from __future__ import annotations

import random
import time

from autofocus.types.production import ImageSampling


class Sampler:
    """Draws per image; a token bucket of one minute's budget bounds what is stored.

    While the bucket is at least half full, an image is kept with the policy's ``rate``; below,
    the probability falls in proportion to the level. It is fixed before each draw from what went
    before, so weighting by its inverse stays unbiased.
    """

    def __init__(self, sampling: ImageSampling, *, seed: int | None = None) -> None:
        self.sampling = sampling
        self._capacity = sampling.max_megabytes_per_minute * 1e6
        self._level = self._capacity
        self._filled_at = time.monotonic()
        self._random = random.Random(seed)

    def draw(self, size: int) -> tuple[bool, float]:
        """Whether to keep an image of ``size`` bytes, and the probability it had."""
        now = time.monotonic()
        self._level = min(
            self._capacity, self._level + (now - self._filled_at) * self._capacity / 60.0
        )
        self._filled_at = now
        if self._level <= 0 or self._capacity <= 0:
            return False, 0.0
        probability = self.sampling.rate * min(1.0, 2.0 * self._level / self._capacity)
        kept = self._random.random() < probability
        if kept:
            self._level -= size
        return kept, probability
