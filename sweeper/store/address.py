"""The address of a store: a local folder, or `s3://bucket/prefix?region=...` and its like.

Credentials never stand in an address: it is written to run.json and sent to every worker. They come
from the environment, from ~/.aws, or from the machine's role.
"""

from __future__ import annotations

import os
import re
import uuid
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pyarrow.fs as pafs

from sweeper.errors import StoreError
from sweeper.store.refusals import in_one_line

_S3_OPTIONS = ("endpoint_override", "region", "scheme", "tls_ca_file_path")
_USER_INFO = re.compile(r"(?<=://)[^/?#\s]*@")
_SECRET_OPTION = re.compile(
    r"(?i)([?&][^=&#\s]*(?:key|secret|token|password|credential|signature)[^=&#\s]*)=[^&#\s]*"
)
_REGION = "us-east-1"  # what stores other than AWS answer to
_CONNECT_S = 5.0
_TRIES_AT_FIRST, _TRIES = 2, 5  # 5: some 10 s of a store that does not answer

_opened: dict[tuple[str, bool], tuple[pafs.FileSystem, str]] = {}


def open_address(address: str, *, to_write: bool = True) -> tuple[pafs.FileSystem, str]:
    """The file system of an address and the store's path in it, which can be written to, or only
    read, where `to_write` is false: then nothing is made there.

    A process asks an S3 bucket once whether it can be. Raises StoreError, in one line, where the
    address cannot be understood or the store refuses.
    """
    if not address.startswith("s3://"):
        return _open(address, to_write)
    if (address, to_write) not in _opened:
        _opened[address, to_write] = _open(address, to_write)
    return _opened[address, to_write]


def is_remote(address: str) -> bool:
    """Whether an address names something else than a folder of this machine."""
    return "://" in address


def without_credentials(text: str) -> str:
    """A text with the credentials of addresses in it replaced by `***`."""
    return _SECRET_OPTION.sub(r"\1=***", _USER_INFO.sub("***@", text))


def _open(address: str, to_write: bool) -> tuple[pafs.FileSystem, str]:
    shown = without_credentials(address)
    if shown != address:
        raise StoreError(
            f"store '{shown}': an address must not hold credentials; set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, or use ~/.aws/credentials or a role"
        )
    try:
        if address.startswith("s3://"):
            return _open_s3(address, to_write)
        if is_remote(address):
            filesystem, root = pafs.FileSystem.from_uri(address)
        else:
            filesystem, root = pafs.LocalFileSystem(), str(Path(address).expanduser().resolve())
        if to_write:
            filesystem.create_dir(root, recursive=True)
        _try(filesystem, root, to_write)
    except StoreError:
        raise
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: ~nobody has no home
        wanted = "written to" if to_write else "read from"
        raise StoreError(f"store '{shown}': cannot be {wanted} ({in_one_line(error)})") from None
    return filesystem, root


def _open_s3(address: str, to_write: bool) -> tuple[pafs.FileSystem, str]:
    """Tried with little patience at first: a wrong address should be told at once."""
    parts = urlsplit(address)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = sorted(set(options) - set(_S3_OPTIONS))
    if unknown or not parts.netloc:
        what = f"unknown option '{unknown[0]}'" if unknown else "no bucket"
        known = ", ".join(_S3_OPTIONS)
        raise StoreError(f"store '{address}': {what}; expected s3://bucket/prefix?{known}")
    root = f"{parts.netloc}{parts.path}".rstrip("/")
    options = _endpoint() | options
    if "region" not in options:
        of_bucket = "endpoint_override" not in options
        options["region"] = pafs.resolve_s3_region(parts.netloc) if of_bucket else _REGION
    _try(_s3(options, _TRIES_AT_FIRST), root, to_write)
    return _s3(options, _TRIES), root


def _endpoint() -> dict[str, str]:
    """The endpoint that the environment names, as AWS's own tools take it."""
    url = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
    scheme, _, host = url.rstrip("/").rpartition("://")
    return {"endpoint_override": host, "scheme": scheme or "https"} if host else {}


def _s3(options: dict[str, str], tries: int) -> pafs.FileSystem:
    return pafs.S3FileSystem(
        **options,
        connect_timeout=_CONNECT_S,
        retry_strategy=pafs.AwsStandardS3RetryStrategy(max_attempts=tries),
        allow_delayed_open=True,  # a small file is one request, there whole or not at all
    )


def _try(filesystem: pafs.FileSystem, root: str, to_write: bool) -> None:
    if to_write:
        _try_to_write(filesystem, root)
    elif filesystem.get_file_info(root).type != pafs.FileType.Directory:
        raise FileNotFoundError("there is nothing")


def _try_to_write(filesystem: pafs.FileSystem, root: str) -> None:
    probe = f"{root}/.writable-{uuid.uuid4().hex[:12]}"
    with filesystem.open_output_stream(probe) as stream:
        stream.write(b"")
    filesystem.delete_file(probe)
