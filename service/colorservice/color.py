"""RGB to Lab and back, and resizing, with the very rounding of the real service's image library.

The real node converts with OpenCV, whose float conversion is no textbook formula: RGB becomes Lab
through a 33-point table per axis with 4-bit interpolation weights, and Lab becomes RGB through a
cubic spline for the gamma curve. The differences are small but they are visible in a
pixel-for-pixel comparison, so the same tables are built here, in numpy. That keeps OpenCV, and half
a second of start-up, out of the service.

Source of the constants and of the order of operations: OpenCV 4,
``modules/imgproc/src/color_lab.cpp`` and ``resize.cpp`` (Apache-2.0), as documented behaviour; the
code here is written anew.
"""

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]

L_STEPS = 1 << 14  # the table's fixed-point unit: Lab L of 100 is stored as this number
_CELLS = 32  # cells along each axis of the table
_WEIGHT_BITS = 4  # of interpolation inside a cell
_WEIGHT_ONE = 1 << _WEIGHT_BITS
_SPLINE_POINTS = 1024
_CHANNELS = 3

_SRGB_KNEE = 0.04045
_LINEAR_KNEE = 0.0031308
_TO_XYZ_Y = np.array([0.212671, 0.715160, 0.072169])
_FROM_XYZ = np.array(
    [
        [3.240479, -1.53715, -0.498535],
        [-0.969256, 1.875991, 0.041556],
        [0.055648, -0.204043, 1.057311],
    ]
)
_WHITE = np.array([0.950456, 1.0, 1.088754])
_ROOT_ABOVE = (
    45.2548339756803022511987494,
    192.2798368355061050458134625,
    119.1654824285581628956914143,
    13.43250139086239872172837314,
    0.1636161226585754240958355063,
)
_ROOT_BELOW = (
    14.80884093219134573786480845,
    151.9714051044435648658557668,
    168.5254414101568283957668343,
    33.9905941350215598754191872,
    1.0,
)


def linear_from_srgb(value: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Undo sRGB's gamma curve, 0..1."""
    return np.where(value <= _SRGB_KNEE, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def srgb_from_linear(value: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Apply sRGB's gamma curve, 0..1."""
    return np.where(value <= _LINEAR_KNEE, value * 12.92, 1.055 * value ** (1 / 2.4) - 0.055)


def _cube_root(value: FloatArray) -> FloatArray:
    """Return the cube root of values above 0, in the library's own arithmetic.

    A quotient of two polynomials (Turkowski, "Computing the Cube Root", 1998), cut off to single
    precision and not rounded: 19 of the table's 35,937 corners depend on it.
    """
    mantissa, exponent = np.frexp(value.astype(np.float64))
    shift = -(-exponent % 3)  # 0, -1, -2: what is left of the exponent is a multiple of 3
    part = np.ldexp(mantissa, shift)
    root = np.ldexp(
        np.polyval(_ROOT_ABOVE, part) / np.polyval(_ROOT_BELOW, part), (exponent - shift) // 3
    )
    nearest: FloatArray = root.astype(np.float32)
    below: FloatArray = np.nextafter(nearest, np.float32(0))
    cut: FloatArray = np.where(nearest > root, below, nearest)
    return cut


@cache
def _lightness_table() -> IntArray:
    """Return L at the cells' corners, as integers of ``L_STEPS``, indexed by red, green, blue."""
    axis = linear_from_srgb(np.arange(_CELLS + 1) / _CELLS).astype(np.float32)
    red, green, blue = np.meshgrid(axis, axis, axis, indexing="ij")
    part = _TO_XYZ_Y.astype(np.float32)
    y = blue * part[2] + green * part[1] + red * part[0]
    bright = np.float32(116) * _cube_root(y) - np.float32(16)
    value = np.where(y > np.float32(216 / 24389), bright, y * np.float32(24389 / 27))
    table: IntArray = np.rint(np.float32(L_STEPS) * value / np.float32(100)).astype(np.int64)
    return table


def _interpolated(steps: IntArray) -> IntArray:
    """Interpolate the table at colours (..., 3) in units of one weight, 0..512."""
    table = _lightness_table()
    cell, weight = steps >> _WEIGHT_BITS, steps & (_WEIGHT_ONE - 1)
    total = np.zeros(steps.shape[:-1], dtype=np.int64)
    for corner in np.ndindex(2, 2, 2):
        index = tuple(
            np.minimum(cell[..., axis] + corner[axis], _CELLS) for axis in range(_CHANNELS)
        )
        share = np.ones_like(total)
        for axis in range(_CHANNELS):
            share *= weight[..., axis] if corner[axis] else _WEIGHT_ONE - weight[..., axis]
        total += table[index] * share
    shift = 3 * _WEIGHT_BITS
    return (total + (1 << (shift - 1))) >> shift


@cache
def _grey_lightness() -> IntArray:
    """Return the interpolated table along its diagonal: what grey pixels get."""
    diagonal = np.arange(_CELLS * _WEIGHT_ONE + 1)
    return _interpolated(np.repeat(diagonal[:, None], _CHANNELS, axis=-1))


def _table_steps(image: FloatArray) -> IntArray:
    """Bring values 0..1 to the table's grid."""
    limited = np.clip(image, np.float32(0), np.float32(1))
    fixed: IntArray = np.rint(limited * np.float32(L_STEPS)).astype(np.int64)
    return fixed >> 5  # 14 bits to the 9 that the table and its weights use


def is_colorless(image: npt.NDArray[Any]) -> bool:
    """Tell whether the three channels of (H, W, 3) are equal everywhere."""
    first = image[..., 0]
    return np.array_equal(first, image[..., 1]) and np.array_equal(first, image[..., 2])


def lightness(image: FloatArray) -> IntArray:
    """Return L of RGB (H, W, 3), 0..1, as integers (H, W): 0..``L_STEPS`` for L of 0..100."""
    steps = _table_steps(image)
    if is_colorless(steps):
        return _grey_lightness()[steps[..., 0]]  # the same numbers, 20 times sooner
    return _interpolated(steps)


def lightness_as_float(steps: IntArray) -> FloatArray:
    """Turn integers from :func:`lightness` into L of 0..100."""
    return steps.astype(np.float32) * np.float32(100 / L_STEPS)


@cache
def _gamma_spline() -> FloatArray:
    """Return a natural spline through sRGB's gamma curve: (points, 4), constant first.

    In single precision throughout: in double, darker cells differ in the last bit.
    """
    one, two, three, four = (np.float32(number) for number in (1, 2, 3, 4))
    points = srgb_from_linear(np.arange(_SPLINE_POINTS + 1) / _SPLINE_POINTS).astype(np.float32)
    factor, offset = np.zeros((2, _SPLINE_POINTS), dtype=np.float32)
    for i in range(1, _SPLINE_POINTS):
        bend = (points[i + 1] - points[i] * two + points[i - 1]) * three
        factor[i] = one / (four - factor[i - 1])
        offset[i] = (bend - offset[i - 1]) * factor[i]
    spline = np.zeros((_SPLINE_POINTS, 4), dtype=np.float32)
    following = np.float32(0)
    for i in range(_SPLINE_POINTS - 1, -1, -1):
        square = offset[i] - factor[i] * following
        slope = points[i + 1] - points[i] - (following + square * two) / three
        spline[i] = points[i], slope, square, (following - square) / three
        following = square
    return spline


def _apply_gamma(linear: FloatArray) -> FloatArray:
    # NaN is taken for 1, as OpenCV, which the real node uses, does.
    scaled = np.fmax(np.fmin(linear, np.float32(1)), np.float32(0)) * np.float32(_SPLINE_POINTS)
    index = np.minimum(scaled.astype(np.int64), _SPLINE_POINTS - 1)
    rest = scaled - index.astype(np.float32)
    constant, slope, square, cube = np.moveaxis(_gamma_spline()[index], -1, 0)
    result: FloatArray = ((cube * rest + square) * rest + slope) * rest + constant
    return result


def _from_root(root: FloatArray) -> FloatArray:
    """Undo Lab's cube root for x and z."""
    low = (root - np.float32(16 / 116)) * np.float32(1 / np.float32(7.787))
    return np.where(root <= np.float32(6 / 29), low, root * root * root)


@np.errstate(over="ignore", invalid="ignore")  # a network without its weights may answer anything
def rgb_from_lab(lightness_100: FloatArray, color: FloatArray) -> FloatArray:
    """Convert L (H, W), 0..100, and ab (H, W, 2) to RGB (H, W, 3), clipped to 0..1."""
    dark = lightness_100 <= np.float32(8)
    y_dark = lightness_100 * np.float32(1 / np.float32(903.3))
    root_bright = (lightness_100 + np.float32(16)) * np.float32(1 / np.float32(116))
    y = np.where(dark, y_dark, root_bright * root_bright * root_bright)
    root = np.where(dark, np.float32(7.787) * y_dark + np.float32(16 / 116), root_bright)
    x = _from_root(color[..., 0] * np.float32(1 / np.float32(500)) + root)
    z = _from_root(color[..., 1] * np.float32(-1 / np.float32(200)) + root)
    matrix = (_FROM_XYZ * _WHITE).astype(np.float32)
    linear = np.stack([row[0] * x + (row[1] * y + row[2] * z) for row in matrix], axis=-1)
    return _apply_gamma(linear)


@cache
def _grey_rgb() -> FloatArray:
    """Return the RGB, (``L_STEPS`` + 1, 3), of every L from :func:`lightness`, a and b being 0."""
    every = lightness_as_float(np.arange(L_STEPS + 1))
    return rgb_from_lab(every, np.zeros((L_STEPS + 1, 2), dtype=np.float32))


def grey_rgb(steps: IntArray) -> FloatArray:
    """Return colourless RGB (H, W, 3) for integers (H, W) from :func:`lightness`."""
    return _grey_rgb()[steps]


def _taps(source: int, target: int) -> tuple[IntArray, IntArray, npt.NDArray[np.float64]]:
    """Return, for each target position, its two source positions and the second one's weight."""
    center = (np.arange(target) + 0.5) * (source / target) - 0.5
    first = np.floor(center).astype(np.int64)
    weight = (center - first).astype(np.float32).astype(np.float64)
    weight[(first < 0) | (first >= source - 1)] = 0
    first = np.clip(first, 0, source - 1)
    return first, np.minimum(first + 1, source - 1), weight


def _between(start: FloatArray, end: FloatArray, weight: npt.NDArray[np.float64]) -> FloatArray:
    """Interpolate with one rounding at the end, as a fused multiply-add does."""
    return ((end - start) * weight + start).astype(np.float32)


def resize(image: FloatArray, size: int) -> FloatArray:
    """Scale (H, W, C) to (size, size, C): bilinear, no anti-aliasing, aspect ratio not kept."""
    left, right, across = _taps(image.shape[1], size)
    upper, lower, down = _taps(image.shape[0], size)
    rows = _between(image[:, left], image[:, right], across[None, :, None])
    return _between(rows[upper], rows[lower], down[:, None, None])
