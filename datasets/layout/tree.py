"""List a tree of folders lazily, each folder once, with links."""

import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from datasets.layout.file_kinds import (
    IMAGE_SUFFIXES,
    head_of,
    is_image_content,
    is_seen,
    may_hide_an_image,
    needs_content_check,
    printable,
    suffix_of,
    unread_problem,
)

LINK = "a link that leads out of the data folder"
_WAY_OUT = "; set data.follow_links=true, or copy the {} into it"
_BROKEN_LINK = "a broken link"


@dataclass(frozen=True)
class Listing:
    """The contents of one folder.

    `images`: name -> why the file must not be read, "" for most. `others`: files that are not
    images. `problem`: why the folder itself cannot be listed, or "".
    """

    folders: list[str] = field(default_factory=list)
    images: dict[str, str] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)
    problem: str = ""


class Tree:
    """The folders below `top`. Links that leave it are followed only if `follow_links`."""

    def __init__(self, top: str, follow_links: bool = False) -> None:
        self.top = Path(os.path.realpath(top))
        self.follow_links = follow_links
        self._listings: dict[Path, Listing] = {}
        self._pictured: dict[Path, bool] = {}
        self._real: dict[Path, str] = {self.top: str(self.top)}

    def listing(self, folder: Path) -> Listing:
        """The contents of a folder; an unreadable one is empty and has a `problem`."""
        if folder not in self._listings:
            self._listings[folder] = self._list(folder)
        return self._listings[folder]

    def relative(self, path: Path) -> str:
        """A path for display: relative to the top, with `/`, and printable."""
        return printable(path.relative_to(self.top).as_posix())

    def real(self, path: Path) -> str:
        """`os.path.realpath(path)`, without resolving every parent folder for each file."""
        if path not in self._real:
            inside = os.path.join(self.real(path.parent), path.name)
            self._real[path] = os.path.realpath(inside) if path.is_symlink() else inside
        return self._real[path]

    def walk(
        self,
        folder: Path,
        seen: set[str] | None = None,
        without: Callable[[Path, Listing], Collection[str]] = lambda *_: (),
    ) -> Iterator[tuple[Path, Listing]]:
        """Yield a folder and all below it, each real folder once, as links may form loops.

        Args:
            folder: the folder to start from.
            seen: the real paths visited before; updated.
            without: returns the names of a folder's subfolders to skip.
        """
        seen = set() if seen is None else seen
        waiting = [folder]
        while waiting:
            folder = waiting.pop()
            if self.real(folder) in seen:
                continue
            listing = self.listing(folder)
            if not self._is_outside(folder):
                seen.add(self.real(folder))
            yield folder, listing
            left_out = without(folder, listing)
            waiting += [folder / name for name in listing.folders if name not in left_out]

    def has_images(self, folder: Path) -> bool:
        """Whether there is, or may be, an image in or below a folder: some cannot be listed."""
        if folder not in self._pictured:
            self._pictured[folder] = any(
                listing.images or listing.problem for _, listing in self.walk(folder)
            )
        return self._pictured[folder]

    def _is_outside(self, path: Path) -> bool:
        if self.follow_links:
            return False
        real = self.real(path)
        return real != str(self.top) and not real.startswith(os.path.join(self.top, ""))

    def _list(self, folder: Path) -> Listing:
        if self._is_outside(folder):
            return Listing(problem=LINK + _WAY_OUT.format("files"))
        try:
            names = sorted(name for name in os.listdir(folder) if is_seen(name))
        except OSError as error:
            why = error.strerror or str(error)
            return Listing(problem=f"a folder that cannot be listed: {why}")
        listing = Listing()
        for name in names:
            path = folder / name
            if os.path.isdir(path):
                listing.folders.append(name)
            elif (problem := self._problem(path)) is None:
                listing.others.append(name)
            else:
                listing.images[name] = problem
        return listing

    def _problem(self, path: Path) -> str | None:
        """Why an image file must not be read, "" if it may be, None if it is not an image file."""
        name = path.name
        if self._is_outside(path):
            return LINK + _WAY_OUT.format("file") if may_hide_an_image(name) else None
        if suffix_of(name) not in IMAGE_SUFFIXES:
            if not needs_content_check(name):
                return None
            if not is_image_content(name, head_of(path)):
                return unread_problem(name) or None
        if path.is_symlink() and self.follow_links and not path.exists():
            return _BROKEN_LINK
        shown = str(path.relative_to(self.top))
        return "" if printable(shown) == shown else "a name that is not Unicode; rename it"
