"""Turn the refusals of a disk or an object store into one-line errors.

A disk may be full anywhere: in the driver, in a trial, in an actor of Ray Data. Each wraps the
error in its own; the original one is recovered here.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sweeper.errors import StoreError

_SPACE = "free some space and run again; finished work is kept"
_RIGHTS = "grant yourself write permission there"
_WAY_OUT = {
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
    errno.EFBIG: _SPACE,
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.EROFS: "mount it writable",
    errno.EIO: "the disk may be failing",
    errno.ESTALE: "the network folder is disconnected",
    errno.ENOTCONN: "the network folder is disconnected",
}
_ERRNO = re.compile(r"\[[Ee]rrno (\d+)\]")
_STORE_ERROR = re.compile(r"sweeper\.errors\.StoreError: (.+)")
_AWS = re.compile(r"AWS Error (\w+) during (\w+) operation:? ?([^\n]*)")
_AWS_WAY_OUT = {
    "ACCESS_DENIED": "missing or insufficient credentials: set "
    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or use ~/.aws/credentials or a role",
    "INVALID_ACCESS_KEY_ID": "no such access key; set AWS_ACCESS_KEY_ID",
    "SIGNATURE_DOES_NOT_MATCH": "wrong secret key; set AWS_SECRET_ACCESS_KEY",
    "INVALID_CLIENT_TOKEN_ID": "no such access key; set AWS_ACCESS_KEY_ID",
    "NO_SUCH_BUCKET": "no such bucket; create it first",
    "NETWORK_CONNECTION": "it does not respond",
}


def refusal(error: BaseException) -> str | None:
    """Why a disk or a store refused, from an error or its causes; None for other errors."""
    for cause in _chain(error):
        text = str(cause)
        if aws := _AWS.search(text):
            return _aws_reason(aws)
        if isinstance(cause, OSError) and cause.errno in _WAY_OUT:
            return _errno_reason(cause.errno)
        # Ray passes an error of a worker as text if it cannot pickle the error itself.
        for number in map(int, _ERRNO.findall(text) if hasattr(cause, "cause") else ()):
            if number in _WAY_OUT:
                return _errno_reason(number)
    return None


def raise_refusal(text: str) -> None:
    """Raise the StoreError contained in Ray's text of an error in another process, if any."""
    if found := _STORE_ERROR.search(text):
        raise StoreError(found[1].strip())


@contextmanager
def writing_to(out: Path) -> Iterator[None]:
    """Convert the disk's refusals while writing a run's tables and page to StoreError."""
    try:
        yield
    except OSError as error:
        if reason := refusal(error):
            raise StoreError(f"--out '{out}': cannot be written to ({reason})") from None
        raise


def in_one_line(error: BaseException) -> str:
    """The message of an error in one line; of a refusal, its reason."""
    return refusal(error) or " ".join(str(error).split())


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and its causes, including Ray's `cause` of a remote error."""
    seen: list[BaseException] = []
    rest: list[BaseException | None] = [error]
    while rest:
        cause = rest.pop(0)
        if isinstance(cause, BaseException) and cause not in seen:
            seen.append(cause)
            yield cause
            rest += [getattr(cause, "cause", None), cause.__cause__, cause.__context__]


def _errno_reason(number: int) -> str:
    return f"{os.strerror(number)}: {_WAY_OUT[number]}"


def _aws_reason(found: re.Match[str]) -> str:
    code, operation, text = found.groups()
    detail = _AWS_WAY_OUT.get(code) or text.partition(" (Request ID")[0].strip() or operation
    return f"S3 {code}: {detail}"
