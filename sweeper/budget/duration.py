"""Durations as a user writes them: `30m`, `2h`, `1h30m`."""

from __future__ import annotations

import argparse
import re

_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?", re.ASCII)
_MOST_HOURS = 10_000
RULE = "expected hours and minutes, as 30m, 2h or 1h30m"


def parse_duration(text: str) -> float:
    """Seconds. Raises argparse.ArgumentTypeError for anything but hours and minutes above 0."""
    found = _DURATION.fullmatch(text.strip().lower())
    hours, minutes = (float(part or 0) for part in found.groups()) if found else (0.0, 0.0)
    seconds = 3600 * hours + 60 * minutes
    if not 0 < seconds <= 3600 * _MOST_HOURS:
        raise argparse.ArgumentTypeError(f"'{text}': {RULE}")
    return seconds


def duration_text(seconds: float) -> str:
    """`30 min`, `2 h`, `1 h 30 min`."""
    hours, minutes = divmod(seconds / 60, 60)
    parts = [f"{hours:.0f} h" if hours else "", f"{minutes:g} min" if minutes else ""]
    return " ".join(part for part in parts if part)
