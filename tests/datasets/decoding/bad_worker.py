"""A worker like `datasets.decoding.isolation` whose decoder fails as requested by the file name."""

import os
import signal
import time
from unittest.mock import patch

from datasets.decoding import isolation
from datasets.decoding.describe import Described, describe


def misbehave(path: str) -> Described:
    name = os.path.basename(path)
    if "crash" in name:
        os.kill(os.getpid(), signal.SIGSEGV)
    if "hang" in name:
        time.sleep(3600)
    if "print" in name:
        os.write(1, b"a decoder's words\n")
    if "greed" in name:
        bytearray(isolation.MAX_ADDRESS_BYTES)
    return describe(path)


if __name__ == "__main__":
    with patch.object(isolation, "describe", misbehave):
        isolation.serve(isolation.describe_file)
