"""Printed digits: the typefaces that matplotlib ships, shifted, turned, slanted and scaled.

The scans in scikit-learn's data are 32x32 bitmaps whose 4x4 blocks were summed to 8x8
pixels; the printed digits are reduced in the same way.
"""

from __future__ import annotations

import math
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from examples.digits.data import CLASSES, SIZE

_FAMILIES = ("DejaVuSans", "DejaVuSansMono", "DejaVuSerif")
_CANVAS = 4 * SIZE
_FONT_SIZE = 96
_TURN = 10.0  # degrees, either way
_SLANT = 0.15
_HEIGHT = (0.75, 1.0)  # of the canvas
_WIDTH = (0.8, 1.2)  # of the typeface's own
_SHIFT = 1.5  # canvas pixels, either way


def printed_digits(samples: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """x float32 [samples, 8, 8, 1] in [0, 1], ink is 1, and y int32 [samples]."""
    rng = np.random.default_rng(seed)
    glyphs = [_glyphs(path) for path in _typefaces()]
    labels = rng.integers(0, CLASSES, samples).astype(np.int32)
    images = [_distort(glyphs[rng.integers(len(glyphs))][label], rng) for label in labels]
    return np.stack(images)[..., None], labels


def _typefaces() -> list[Path]:
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return sorted(path for path in folder.glob("*.ttf") if path.stem.split("-")[0] in _FAMILIES)


def _glyphs(typeface: Path) -> list[Image.Image]:
    """The ten digits, white on black, cropped to their ink."""
    font = ImageFont.truetype(str(typeface), _FONT_SIZE)
    glyphs = []
    for digit in range(CLASSES):
        image = Image.new("L", (2 * _FONT_SIZE, 2 * _FONT_SIZE))
        ImageDraw.Draw(image).text((_FONT_SIZE // 2, _FONT_SIZE // 2), str(digit), 255, font)
        glyphs.append(image.crop(image.getbbox()))
    return glyphs


def _distort(glyph: Image.Image, rng: np.random.Generator) -> np.ndarray:
    """A glyph under a random affine map, reduced to float32 [8, 8] in [0, 1]."""
    turn = math.radians(rng.uniform(-_TURN, _TURN))
    slant = rng.uniform(-_SLANT, _SLANT)
    scale_y = glyph.height / (_CANVAS * rng.uniform(*_HEIGHT))
    scale_x = scale_y / rng.uniform(*_WIDTH)
    # Pillow maps canvas pixels back to glyph pixels.
    rotation = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    matrix = np.diag([scale_x, scale_y]) @ np.array([[1.0, slant], [0.0, 1.0]]) @ rotation
    centre = _CANVAS / 2 + rng.uniform(-_SHIFT, _SHIFT, 2)
    offset = np.array([glyph.width / 2, glyph.height / 2]) - matrix @ centre
    coefficients = (*matrix[0], offset[0], *matrix[1], offset[1])
    canvas = glyph.transform(
        (_CANVAS, _CANVAS), Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR
    )
    bitmap = (np.asarray(canvas) > 127).astype(np.float32)
    return bitmap.reshape(SIZE, _CANVAS // SIZE, SIZE, _CANVAS // SIZE).mean(axis=(1, 3))
