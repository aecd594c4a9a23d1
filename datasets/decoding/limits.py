"""Limits on file and image sizes, checked before any decoding.

Decoding takes 10 to 15 bytes of memory per pixel, and 34 for YBR colours of DICOM: 2.1 GB for the
largest image allowed. A decompression bomb is refused by the size that its header declares.
"""

from datasets.errors import DataError

MAX_BYTES = 256 * 2**20  # of one file, and of a deflated DICOM file when inflated
MAX_PIXELS = 64_000_000  # 8000 x 8000: above every radiograph, below a scanned slide
MAX_SIDE = 32_767  # OpenCV's largest coordinate
MIN_SIDE = 16  # anything smaller is an icon, a tracking pixel or a broken export
MAX_SCANS = 100  # of a progressive JPEG, each a pass over all pixels; encoders write about 10


def check_picture_size(width: int, height: int) -> None:
    """Raise DataError if an image of `width` x `height` pixels is too large or too small."""
    if min(width, height) < MIN_SIDE:
        raise DataError(f"{width} x {height} pixels: too small; expected {MIN_SIDE} or more a side")
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise DataError(
            f"{width} x {height} pixels: too large; expected at most {MAX_PIXELS // 10**6} million "
            f"pixels and {MAX_SIDE} a side"
        )


def check_file_size(size: int) -> None:
    """Raise DataError if a file of `size` bytes is too large."""
    if size > MAX_BYTES:
        raise DataError(
            f"{size / 2**20:.0f} MiB: too large; expected at most {MAX_BYTES // 2**20} MiB a file"
        )
