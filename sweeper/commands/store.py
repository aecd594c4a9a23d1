"""The command `python sweep.py store list | verify | prune`: inspect and clean a store."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from sweeper.config.load import SHIPPED, load_config
from sweeper.config.paths import expanded, typed_path
from sweeper.config.schema import Config
from sweeper.errors import StoreError
from sweeper.store.address import is_remote
from sweeper.store.inventory import SAFE_HOURS, Entry, Files, Inventory, Leftover
from sweeper.store.store import KINDS, Store
from sweeper.use.finished import read_run

WHOLE, PROBLEMS = 0, 1
_STORE = "a store's folder or address, or a config or run folder that uses it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the actions of `store`."""
    actions = parser.add_subparsers(title="actions", metavar="list | verify | prune", required=True)
    for name, work, text in (
        ("list", list_store, "show the number of artifacts of each kind, their size, the newest"),
        (
            "verify",
            verify_store,
            "compare every file with its hash and list damaged artifacts and leftovers of killed "
            "runs; exit code 1 if there are any. Changes nothing: runs quarantine and rebuild",
        ),
        (
            "prune",
            prune_store,
            "remove leftovers of killed runs and quarantined files; with --keep also every "
            "artifact that none of these configs uses. Without --yes it only lists them",
        ),
    ):
        action = actions.add_parser(name, help=text.partition(";")[0], description=text)
        action.add_argument("store", metavar="STORE", help=_STORE)
        if name != "list":
            action.add_argument(
                "--older-than",
                type=_hours,
                default=SAFE_HOURS,
                metavar="HOURS",
                help="more recent files may belong to an active run and are kept (default: 24)",
            )
        action.set_defaults(work=work)
        if name == "prune":
            action.add_argument(
                "--keep",
                nargs="+",
                metavar="CONFIG",
                help="configs, or folders of runs with --set, whose artifacts are kept",
            )
            action.add_argument("--yes", action="store_true", help="delete")


def list_store(options: argparse.Namespace, command: str) -> int:
    """Print a line for each kind."""
    inventory = Inventory(_open(options.store, writable=False))
    print(f"{'':<14}{'artifacts':>10}{'size':>12}  newest")
    for kind, entries in inventory.kinds():
        newest = time.strftime("%Y-%m-%d %H:%M", time.localtime(max(map(_newest, entries))))
        print(f"{kind:<14}{len(entries):>10}{_size(_bytes(entries)):>12}  {newest}")
    for why in ("quarantined", "left over"):
        if found := [leftover for leftover in inventory.leftovers if leftover.why == why]:
            print(f"{why:<14}{len(found):>10}{_size(_bytes(found)):>12}")
    return WHOLE


def verify_store(options: argparse.Namespace, command: str) -> int:
    """Print damaged artifacts and leftovers; returns 1 if there are any."""
    started = time.perf_counter()
    inventory = Inventory(_open(options.store, writable=False))
    damaged = 0
    for entry, why in inventory.damaged():
        damaged += 1
        print(f"{'damaged':<13}{entry.kind}/{entry.key}: {why}")
    old = inventory.old(options.older_than)
    for leftover in inventory.leftovers:
        state, files = leftover.why if leftover in old else "in use", leftover.files
        details = f"{_number(files)}, {_size(files.bytes)}, {_age(inventory, files)} old"
        print(f"{state:<13}{leftover.path}: {details}")
    unhashed = sum(e.artifact is not None and e.artifact.files is None for e in inventory.entries)
    rest = f", {unhashed} written by a version without hashes" if unhashed else ""
    print(
        f"{len(inventory.entries)} artifacts, {_size(_bytes(inventory.entries))} compared in "
        f"{time.perf_counter() - started:.1f} s: {damaged} damaged, {len(old)} left over or "
        f"quarantined{rest}"
    )
    return PROBLEMS if damaged or old else WHOLE


def prune_store(options: argparse.Namespace, command: str) -> int:
    """Delete or show what no run reads."""
    store = _open(options.store)
    configs = [_config(name) for name in options.keep or ()]
    keys = _references(configs, store)
    inventory = Inventory(store)
    leftovers = inventory.old(options.older_than)
    unused = inventory.unreferenced(keys, options.older_than) if options.keep else []
    for kind in KINDS:
        if entries := [entry for entry in unused if entry.kind == kind]:
            print(
                f"{kind:<14}{len(entries):>10}{_size(_bytes(entries)):>12}  not used by any config"
            )
    for why in ("quarantined", "left over"):
        if found := [leftover for leftover in leftovers if leftover.why == why]:
            print(f"{why:<14}{len(found):>10}{_size(_bytes(found)):>12}")
    total = _size(_bytes(unused) + _bytes(leftovers))
    if not unused and not leftovers:
        print("nothing to prune")
    elif options.yes:
        inventory.remove(leftovers, unused)
        print(f"{total} deleted")
    else:
        print(f"{total} can be deleted; nothing is deleted without --yes")
    return WHOLE


def _references(configs: Sequence[Config], store: Store) -> set[tuple[str, str]]:
    keys: set[tuple[str, str]] = set()
    if configs:
        from sweeper.plan.collect import collect  # imported late: it imports torch
        from sweeper.plan.plan import Plan
        from sweeper.plan.references import references

        for config in configs:
            keys |= references(Plan(config, collect(config.data, store), store))
    return keys


def _open(text: str, *, writable: bool = True) -> Store:
    return Store(_address(text), writable=writable)


def _address(text: str) -> str:
    text = expanded(text)
    folder = Path(text)
    if is_remote(text) or any((folder / kind).is_dir() for kind in KINDS):
        return text
    if _names_config(text):
        return _config(text).store
    if folder.is_dir():
        return text
    raise StoreError(f"store '{text}': no such folder, config or run folder")


def _names_config(text: str) -> bool:
    folder = Path(text)
    is_shipped = (SHIPPED / f"{text}.yaml").is_file()
    return folder.suffix in {".yaml", ".yml"} or is_shipped or _run_file(folder).is_file()


def _config(text: str) -> Config:
    """The config of a YAML file, a shipped name or a run's folder."""
    folder = typed_path(text)
    return read_run(folder).config if _run_file(folder).is_file() else load_config(text)


def _run_file(folder: Path) -> Path:
    return folder / "results" / "run.json"


def _hours(text: str) -> float:
    hours = float(text)
    if not 0 <= hours < float("inf"):
        raise ValueError(text)
    return hours


def _bytes(found: Sequence[Entry] | Sequence[Leftover]) -> int:
    return sum(item.files.bytes for item in found)


def _newest(entry: Entry) -> float:
    return entry.files.newest


def _number(files: Files) -> str:
    return f"{len(files.sizes)} file{'s' * (len(files.sizes) != 1)}"


def _age(inventory: Inventory, files: Files) -> str:
    hours = max(0.0, inventory.taken_at - files.newest) / 3600
    return f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.0f} days"


def _size(count: int) -> str:
    """A number of bytes in a readable unit."""
    size, units = float(count), ["B", "kB", "MB", "GB", "TB"]
    while size >= 1000 and len(units) > 1:
        size /= 1000
        units.pop(0)
    return f"{size:.0f} B" if units[0] == "B" else f"{size:.1f} {units[0]}"
