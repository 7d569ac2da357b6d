"""One look at an image's bytes: may it be used, and what is it?"""

from __future__ import annotations

import cv2

from autofocus.imaging.decode import MAX_PIXELS, decode_with_facts
from autofocus.imaging.statistics import entropy, grey_statistics, perceptual_hash
from autofocus.types.data import ImageFacts

# Statistics are taken at one scale, so that a picture and its thumbnail are comparable.
_SIDE = 256


def inspect(data: bytes, *, max_pixels: int = MAX_PIXELS) -> ImageFacts:
    """Read all picture data of ``data`` once; raises ImageRejected as ``decode`` does.

    Brightness, contrast, blur, entropy and hash are of the picture reduced to at most 256 pixels
    on its longer side (pictures that are smaller are taken as they are).
    """
    decoded = decode_with_facts(data, max_pixels=max_pixels, min_size=(_SIDE, _SIDE))
    grey = cv2.cvtColor(decoded.pixels, cv2.COLOR_RGB2GRAY)
    scale = _SIDE / max(grey.shape)
    if scale < 1:
        height, width = (max(1, round(side * scale)) for side in grey.shape)
        grey = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)
    brightness, contrast, blur = grey_statistics(grey)
    return ImageFacts(
        width=decoded.width,
        height=decoded.height,
        format=decoded.format,
        orientation=decoded.orientation,
        phash=perceptual_hash(grey),
        brightness=brightness,
        contrast=contrast,
        blur=blur,
        entropy=entropy(grey),
    )
