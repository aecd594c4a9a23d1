"""Open an address: a local folder, `s3://bucket/prefix?region=...` or another URI.

An address must not contain credentials, as it is written to run.json and sent to every worker. They
come from the environment, from ~/.aws, or from the machine's role.
"""

from __future__ import annotations

import os
import re
import uuid
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pyarrow.fs as pafs

from sweeper.errors import StoreError
from sweeper.store.commit import is_object_store
from sweeper.store.refusals import in_one_line

_S3_OPTIONS = ("endpoint_override", "region", "scheme", "tls_ca_file_path")
_AZURE = r"(?<=abfs://)|(?<=abfss://)"  # abfss://container@account.dfs.core.windows.net/folder
_USER_INFO = re.compile(
    rf"(?<=://)(?<!abfs://)(?<!abfss://)[^/?#\s]*@|(?:{_AZURE})[^/?#\s:@]*:[^/?#\s]*@"
)
_SECRET_OPTION = re.compile(
    r"(?i)([?&][^=&#\s]*(?:key|secret|token|password|credential|signature)[^=&#\s]*)=[^&#\s]*"
)
_SCHEMES = "s3://, gs://, abfss://, hdfs:// or a local path"
_REGION = "us-east-1"  # accepted by stores other than AWS
_CONNECT_S = 5.0
_TRIES_AT_FIRST, _TRIES = 2, 5  # 5: some 10 s until an unreachable store fails

_opened: dict[tuple[str, bool], tuple[pafs.FileSystem, str]] = {}


def open_address(address: str, *, writable: bool = True) -> tuple[pafs.FileSystem, str]:
    """Open an address; returns the file system and the store's path in it.

    Checks that the store can be written to or, if not `writable`, read; in that case nothing is
    created. A process checks an S3 bucket only once. Raises StoreError, in one line, if the address
    is invalid or the store refuses.
    """
    if not address.startswith("s3://"):
        return _open(address, writable)
    if (address, writable) not in _opened:
        _opened[address, writable] = _open(address, writable)
    return _opened[address, writable]


def locate(address: str) -> tuple[pafs.FileSystem, pafs.FileInfo]:
    """Find what lies at an address of another machine: its file system, and the file or folder.

    Reads nothing but that. Raises StoreError, in one line, if there is nothing or it is refused.
    """
    try:
        _refuse_credentials(address)
        if address.startswith("s3://"):
            options, root = _s3_options(address)
            _existing(_s3(options, _TRIES_AT_FIRST), root)
            filesystem = _s3(options, _TRIES)
        else:
            filesystem, root = pafs.FileSystem.from_uri(address)
        return filesystem, _existing(filesystem, root.rstrip("/"))
    except (OSError, ValueError) as error:
        if isinstance(error, StoreError):
            raise
        reason = in_one_line(error)
        if "Unrecognized filesystem type" in reason:
            reason = f"unknown scheme {urlsplit(address).scheme}://; expected {_SCHEMES}"
        raise StoreError(f"store '{address}': cannot be read from ({reason})") from None


def is_remote(address: str) -> bool:
    """Whether an address is something other than a folder of this machine."""
    return "://" in address


def name_of(address: str) -> str:
    """The last part of a path or an address, without its options."""
    path = urlsplit(address).path or address if is_remote(address) else address
    return Path(path).name or urlsplit(address).netloc


def without_credentials(text: str) -> str:
    """Replace the credentials of addresses in a text by `***`."""
    return _SECRET_OPTION.sub(r"\1=***", _USER_INFO.sub("***@", text))


def _open(address: str, writable: bool) -> tuple[pafs.FileSystem, str]:
    shown = _refuse_credentials(address)
    try:
        if address.startswith("s3://"):
            return _open_s3(address, writable)
        if is_remote(address):
            filesystem, root = pafs.FileSystem.from_uri(address)
        else:
            filesystem, root = pafs.LocalFileSystem(), str(Path(address).expanduser().resolve())
        if writable:
            filesystem.create_dir(root, recursive=True)
        _check(filesystem, root, writable)
    except StoreError:
        raise
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: no home for ~nobody
        use = "written to" if writable else "read from"
        raise StoreError(f"store '{shown}': cannot be {use} ({in_one_line(error)})") from None
    return filesystem, root


def _refuse_credentials(address: str) -> str:
    """The address, which is safe to show. Raises StoreError if it contains credentials."""
    shown = without_credentials(address)
    if shown != address:
        raise StoreError(
            f"store '{shown}': an address must not contain credentials; set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, or use ~/.aws/credentials or a role"
        )
    return shown


def _open_s3(address: str, writable: bool) -> tuple[pafs.FileSystem, str]:
    """Open S3; the first check has few retries, so that a wrong address fails quickly."""
    options, root = _s3_options(address)
    _check(_s3(options, _TRIES_AT_FIRST), root, writable)
    return _s3(options, _TRIES), root


def _s3_options(address: str) -> tuple[dict[str, str], str]:
    """The options of an address, completed, and its path."""
    parts = urlsplit(address)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = sorted(set(options) - set(_S3_OPTIONS))
    if unknown or not parts.netloc:
        problem = f"unknown option '{unknown[0]}'" if unknown else "no bucket"
        known = ", ".join(_S3_OPTIONS)
        raise StoreError(f"store '{address}': {problem}; expected s3://bucket/prefix?{known}")
    root = f"{parts.netloc}{parts.path}".rstrip("/")
    options = _endpoint() | options
    if "region" not in options:
        on_aws = "endpoint_override" not in options
        options["region"] = pafs.resolve_s3_region(parts.netloc) if on_aws else _REGION
    return options, root


def _endpoint() -> dict[str, str]:
    """The endpoint from the environment variables that AWS's own tools use."""
    url = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
    scheme, _, host = url.rstrip("/").rpartition("://")
    return {"endpoint_override": host, "scheme": scheme or "https"} if host else {}


def _s3(options: dict[str, str], tries: int) -> pafs.FileSystem:
    return pafs.S3FileSystem(
        **options,
        connect_timeout=_CONNECT_S,
        retry_strategy=pafs.AwsStandardS3RetryStrategy(max_attempts=tries),
        allow_delayed_open=True,  # a small file is one request, so it appears whole or not at all
    )


def _existing(filesystem: pafs.FileSystem, path: str) -> pafs.FileInfo:
    """The file or folder at a path. Raises FileNotFoundError."""
    info = filesystem.get_file_info(path)
    if info.type == pafs.FileType.NotFound:
        bucket = path.partition("/")[0]
        if is_object_store(filesystem) and filesystem.get_file_info(bucket).type == info.type:
            raise FileNotFoundError(f"no such bucket: {bucket}")
        raise FileNotFoundError("no such file or folder")
    return info


def _check(filesystem: pafs.FileSystem, root: str, writable: bool) -> None:
    if writable:
        _check_writable(filesystem, root)
    elif filesystem.get_file_info(root).type != pafs.FileType.Directory:
        raise FileNotFoundError("no such folder")


def _check_writable(filesystem: pafs.FileSystem, root: str) -> None:
    probe = f"{root}/.writable-{uuid.uuid4().hex[:12]}"
    with filesystem.open_output_stream(probe) as stream:
        stream.write(b"")
    filesystem.delete_file(probe)
