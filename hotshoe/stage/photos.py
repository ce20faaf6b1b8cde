"""Photos to rehearse with: small JPEGs with EXIF, and files of the size of a raw image."""

from __future__ import annotations

import io
import os
import random
from pathlib import Path

from PIL import Image

# EXIF tags (CIPA DC-008): Make, Model, DateTime, and DateTimeOriginal in the Exif IFD.
_MAKE, _MODEL, _DATE_TIME, _EXIF_IFD, _DATE_TIME_ORIGINAL = 271, 272, 306, 0x8769, 36867


def jpeg(number: int) -> bytes:
    """A JPEG of some ten kilobytes, different for each number."""
    noise = random.Random(number).randbytes(160 * 120 * 3)  # noqa: S311 - a picture, no secret
    exif = Image.Exif()
    exif[_MAKE], exif[_MODEL] = "hotshoe", "Rehearsal"
    exif[_DATE_TIME] = exif.get_ifd(_EXIF_IFD)[_DATE_TIME_ORIGINAL] = "2024:02:29 12:00:00"
    file = io.BytesIO()
    Image.frombytes("RGB", (160, 120), noise).save(file, "JPEG", exif=exif)
    return file.getvalue()


def make_photos(
    folder: Path, jpegs: int, raws: int = 0, raw_bytes: int = 30_000_000, prefix: str = "IMG_"
) -> list[Path]:
    """Write photos into a folder.

    :param jpegs: how many JPEGs
    :param raws: how many files of the size of a raw image, of random content
    :param raw_bytes: that size
    :param prefix: what each name begins with
    :returns: their paths
    """
    paths = []
    for number in range(1, jpegs + 1):
        path = folder / f"{prefix}{number:04}.JPG"
        path.write_bytes(jpeg(number))
        paths.append(path)
    for number in range(jpegs + 1, jpegs + raws + 1):
        path = folder / f"{prefix}{number:04}.CR3"
        path.write_bytes(os.urandom(raw_bytes))
        paths.append(path)
    return paths
