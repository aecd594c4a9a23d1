"""The page's scripts without its network, in Chromium: what they make of pixels and of files."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

import sweeper.use.web.page
from datasets.preprocess import Preprocessing
from tests.reports.browser import Browser

_FOLDER = Path(sweeper.use.web.page.__file__).parent / "page"
_NAMES = ("arithmetic", "resize", "resample", "clahe", "preprocess", "png", "pixels", "decode")
_TOOLS = """
const bytesOf = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
const shown = (image) => [image.width, image.height, btoa(latin1(image.data))];
const decoded = async (text) => {
  try { return shown(await decodeImage(bytesOf(text))); }
  catch (error) { if (error instanceof Refusal) return error.message; throw error; }
};
"""


def open_scripts(browser: Browser, folder: Path) -> None:
    """Open a page that has the scripts."""
    text = "\n".join((_FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in _NAMES)
    page = folder / "scripts.html"
    page.write_text(f"<!doctype html><meta charset=utf-8><script>{text}{_TOOLS}</script>")
    browser.open(page)
    assert browser.console == []


def preprocessed(browser: Browser, image: np.ndarray, how: Preprocessing) -> np.ndarray:
    """An image (H, W, 3) as the page preprocesses it."""
    height, width, _ = image.shape
    settings = asdict(how)
    source = f'rgbImage({width}, {height}, bytesOf("{_text(image.tobytes())}"))'
    return _pixels(browser.evaluate(f"shown(preprocess({source}, {json.dumps(settings)}))"))


def decoded(browser: Browser, data: bytes) -> np.ndarray | str:
    """A file's pixels as the page decodes it, or why it refuses it."""
    found = browser.evaluate(f'decoded("{_text(data)}")')
    return found if isinstance(found, str) else _pixels(found)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _pixels(found: list[Any]) -> np.ndarray:
    width, height, text = found
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width, 3)
