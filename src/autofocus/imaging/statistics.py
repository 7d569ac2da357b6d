"""Cheap numbers about pixels: brightness, contrast, blur, entropy, perceptual hash."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]

_HASH_SIDE = 32


def statistics(rgb: Pixels) -> tuple[float, float, float]:
    """Brightness, contrast and blur of RGB pixels (h, w, 3).

    Mean and standard deviation of grey in 0..255, and the variance of the Laplacian (small means
    blurred; Pech-Pacheco et al., ICPR 2000). Blur depends on the size of the picture: compare
    only pictures of one size.
    """
    return grey_statistics(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY))


def grey_statistics(grey: Pixels) -> tuple[float, float, float]:
    """As :func:`statistics`, for pixels (h, w) that are grey already."""
    mean, deviation = cv2.meanStdDev(grey)
    _, edges = cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_16S, ksize=1))
    return (
        float(np.ravel(mean)[0]),
        float(np.ravel(deviation)[0]),
        float(np.ravel(edges)[0]) ** 2,
    )


def entropy(grey: Pixels) -> float:
    """Shannon entropy of the grey histogram in bits, 0 (flat) to 8."""
    counts = np.bincount(np.ravel(grey), minlength=256)
    share = counts[counts > 0] / grey.size
    return float(max(0.0, -(share * np.log2(share)).sum()))


def perceptual_hash(grey: Pixels) -> str:
    """64-bit perceptual hash as 16 hex digits: signs of low DCT frequencies against their median.

    Pictures that look alike differ in few bits. Method: Zauner, "Implementation and Benchmarking
    of Perceptual Image Hash Functions" (2010), section 3.2.2.
    """
    interpolation = cv2.INTER_AREA if min(grey.shape) >= _HASH_SIDE else cv2.INTER_LINEAR
    small = cv2.resize(grey, (_HASH_SIDE, _HASH_SIDE), interpolation=interpolation)
    low = np.asarray(cv2.dct(small.astype(np.float32)))[1:9, 1:9].ravel()
    # Rounded, so that the last bits of a float cannot flip a hash bit of a flat picture.
    low = np.round(low, 2)
    bits = np.packbits(low > np.median(low))
    return bits.tobytes().hex()
