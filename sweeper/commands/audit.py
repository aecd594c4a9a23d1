"""The command `python sweep.py audit DIR`: check images before training on them."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from sweeper.commands.output_folder import audit_folder
from sweeper.config.load import AUDIT_KEYS, load_audit_section
from sweeper.config.paths import typed_path
from sweeper.config.schema import DEFAULT_STORE
from sweeper.errors import one_line
from sweeper.progress import Progress

CLEAN, FINDINGS = 0, 1
_TEXT = (
    "find copies, leaks between layers, doubtful labels and unreadable files in a folder; "
    "exit code 0: clean, 1: findings, 2: user error"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `audit`."""
    parser.description = _TEXT
    parser.add_argument(
        "folder", metavar="DIR", help="one folder of images per class, or any other data.path"
    )
    add_settings(parser)
    parser.add_argument(
        "--out",
        type=typed_path,
        help="the folder for page and tables; default: runs/audit-<folder name>",
    )
    parser.set_defaults(work=audit_images)


def add_settings(parser: argparse.ArgumentParser, about: str = "") -> None:
    """Add the option for the settings of a folder of images; `about` begins its help."""
    parser.add_argument(
        "--set",
        dest="overrides",
        action="append",
        default=[],
        metavar="key=value",
        help=f"{about}one of {', '.join(AUDIT_KEYS)}",
    )


def audit_images(options: argparse.Namespace, command: str) -> int:
    """Run the audit and print its findings; returns 0 (clean) or 1 (findings)."""
    section = load_audit_section(options.folder, options.overrides)
    out = audit_folder(options.folder, options.out)
    with Progress() as progress:
        with progress.during("start"):  # imported late, so that user errors are reported at once
            from sweeper.audit.audit import OnlyLinksError, run_audit
            from sweeper.audit.summary import print_summary
        store = _store_of(out, options.folder)
        try:
            findings = run_audit(section, out, store, command, progress)
        except OnlyLinksError as finding:
            print(f"finding: {one_line(str(finding))}")
            return FINDINGS
    print_summary(findings)
    print(f"\npage:   {out / 'audit.html'}\ntables: {out / 'results'}")
    return FINDINGS if findings.listed else CLEAN


def _store_of(out: Path, folder: str) -> str:
    """The store that a run from here uses too, so that it decodes and compares nothing again;
    one in `out` where that would lie among the images or cannot be written to."""
    here, images = Path(DEFAULT_STORE), typed_path(folder)
    among_images = here.resolve().is_relative_to(images.resolve())
    can_write = os.access(here if here.exists() else here.resolve().parent, os.W_OK)
    return DEFAULT_STORE if can_write and not among_images else str(out / "store")
