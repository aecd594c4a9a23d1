"""Write the image files of a folder as a Parquet table, WebDataset shards or a snapshot of a
Hugging Face dataset."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

HF_IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """Path, class and bytes of the files in class folders."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [
        {
            "path": path.relative_to(folder).as_posix(),
            "label": path.parent.name,
            "bytes": path.read_bytes(),
        }
        for path in files
    ]


def write_table(rows: Sequence[Mapping[str, Any]], path: Path) -> Path:
    """A Parquet file with the columns image (bytes), path and label."""
    path.parent.mkdir(parents=True, exist_ok=True)
    names = {"image": "bytes", "path": "path", "label": "label"}
    table = pa.table({name: [row[key] for row in rows] for name, key in names.items()})
    pq.write_table(table, path, row_group_size=8)
    return path


def write_tar(members: Mapping[str, bytes], path: Path, compression: str = "") -> Path:
    """A tar file of these members, in order."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, f"w:{compression}") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def write_shards(rows: Sequence[Mapping[str, Any]], folder: Path, shards: int = 3) -> Path:
    """WebDataset shards: the image, its class name and its file name as JSON."""
    for shard in range(shards):
        members: dict[str, bytes] = {}
        for number in range(shard, len(rows), shards):
            row = rows[number]
            members[f"{number:04d}{Path(row['path']).suffix}"] = row["bytes"]
            members[f"{number:04d}.cls"] = row["label"].encode()
            members[f"{number:04d}.json"] = json.dumps({"view": f"v{number % 2}"}).encode()
        write_tar(members, folder / f"shard-{shard:06d}.tar")
    return folder


def hugging_face_metadata(classes: Sequence[str], column: str = "label") -> dict[bytes, bytes]:
    """The metadata that `datasets` writes into a Parquet file, in the form of its version 4."""
    features = {
        "image": {"_type": "Image"},
        column: {"names": list(classes), "_type": "ClassLabel"},
    }
    return {b"huggingface": json.dumps({"info": {"features": features}}).encode()}


def snapshot_table(rows: Sequence[Mapping[str, Any]], column: str = "label") -> pa.Table:
    """The table of a snapshot: records of bytes and path, and classes as numbers."""
    classes = sorted({row["label"] for row in rows})
    images = [{"bytes": row["bytes"], "path": Path(row["path"]).name} for row in rows]
    numbers = [classes.index(row["label"]) for row in rows]
    table = pa.table({"image": pa.array(images, HF_IMAGE), column: pa.array(numbers, pa.int64())})
    return table.replace_schema_metadata(hugging_face_metadata(classes, column))


def write_snapshot(rows: Sequence[Mapping[str, Any]], folder: Path, files: int = 2) -> Path:
    """A snapshot of the hub: README.md and data/train-00000-of-00002.parquet and so on."""
    (folder / "data").mkdir(parents=True)
    (folder / "README.md").write_text("---\ndataset_info: {}\n---\n")
    table = snapshot_table(rows)
    size = -(-table.num_rows // files)
    for number in range(files):
        name = f"train-{number:05d}-of-{files:05d}.parquet"
        pq.write_table(table.slice(number * size, size), folder / "data" / name)
    return folder


def write_saved(rows: Sequence[Mapping[str, Any]], folder: Path) -> Path:
    """A dataset as `save_to_disk` writes it: Arrow streams, and features in dataset_info.json."""
    folder.mkdir(parents=True)
    table = snapshot_table(rows)
    stated = json.loads(table.schema.metadata[b"huggingface"])["info"]
    (folder / "dataset_info.json").write_text(json.dumps(stated))
    (folder / "state.json").write_text("{}")
    plain = table.replace_schema_metadata(None)
    path = str(folder / "data-00000-of-00001.arrow")
    with pa.OSFile(path, "wb") as sink, pa.ipc.new_stream(sink, plain.schema) as writer:
        writer.write_table(plain, max_chunksize=10)
    return folder
