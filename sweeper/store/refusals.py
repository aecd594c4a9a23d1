"""What a disk or an object store answers when it refuses, as one line.

A full disk is met anywhere: in the driver, in a trial, in an actor of Ray Data. Each wraps the
error in its own; what the disk said is found again here.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sweeper.errors import StoreError

_SPACE = "free some space and run again, what is finished is kept"
_RIGHTS = "give yourself the right to write there"
_WAY_OUT = {
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
    errno.EFBIG: _SPACE,
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.EROFS: "mount it for writing",
    errno.EIO: "the disk may be failing",
    errno.ESTALE: "the network folder is gone",
    errno.ENOTCONN: "the network folder is gone",
}
_ERRNO = re.compile(r"\[[Ee]rrno (\d+)\]")
_TOLD = re.compile(r"sweeper\.errors\.StoreError: (.+)")
_AWS = re.compile(r"AWS Error (\w+) during (\w+) operation:? ?([^\n]*)")
_AWS_WAY_OUT = {
    "ACCESS_DENIED": "these credentials may not do that here, or there are none: set "
    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or use ~/.aws/credentials or a role",
    "INVALID_ACCESS_KEY_ID": "no such access key; set AWS_ACCESS_KEY_ID",
    "SIGNATURE_DOES_NOT_MATCH": "wrong secret key; set AWS_SECRET_ACCESS_KEY",
    "INVALID_CLIENT_TOKEN_ID": "no such access key; set AWS_ACCESS_KEY_ID",
    "NO_SUCH_BUCKET": "there is no such bucket; make it first",
    "NETWORK_CONNECTION": "it does not answer",
}


def refusal(error: BaseException) -> str | None:
    """Why a disk or a store refused, found in an error or in what caused it; None for others."""
    for one in _chain(error):
        text = str(one)
        if aws := _AWS.search(text):
            return _of_aws(aws)
        if isinstance(one, OSError) and one.errno in _WAY_OUT:
            return _of_number(one.errno)
        # Ray tells of an error in a worker by its text, where it cannot send the error itself.
        for number in map(int, _ERRNO.findall(text) if hasattr(one, "cause") else ()):
            if number in _WAY_OUT:
                return _of_number(number)
    return None


def raise_refusal(text: str) -> None:
    """Raise the StoreError that Ray's text of an error in another process tells of, if it does."""
    if found := _TOLD.search(text):
        raise StoreError(found[1].strip())


@contextmanager
def writing_to(out: Path) -> Iterator[None]:
    """What the disk refuses while a run's tables and page are written, as a StoreError."""
    try:
        yield
    except OSError as error:
        if reason := refusal(error):
            raise StoreError(f"--out '{out}': cannot be written to ({reason})") from None
        raise


def in_one_line(error: BaseException) -> str:
    """What an error says, in one line: a refusal in its own words."""
    return refusal(error) or " ".join(str(error).split())


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what it was raised from, Ray's `cause` of a remote one included."""
    seen: list[BaseException] = []
    rest: list[BaseException | None] = [error]
    while rest:
        one = rest.pop(0)
        if isinstance(one, BaseException) and one not in seen:
            seen.append(one)
            yield one
            rest += [getattr(one, "cause", None), one.__cause__, one.__context__]


def _of_number(number: int) -> str:
    return f"{os.strerror(number)}: {_WAY_OUT[number]}"


def _of_aws(found: re.Match[str]) -> str:
    code, operation, text = found.groups()
    told = _AWS_WAY_OUT.get(code) or text.partition(" (Request ID")[0].strip() or operation
    return f"S3 {code}: {told}"
