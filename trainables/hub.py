"""Check whether timm's weights are available, in the local hub cache or from the hub.

The hub gets a single request with a timeout of seconds; nothing is downloaded.
"""

from __future__ import annotations

import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Iterable

from trainables.registry import BackboneSpec

_TIMEOUT_S = 4.0
_FILES = ("model.safetensors", "pytorch_model.bin")


def out_of_reach(specs: Iterable[BackboneSpec]) -> str:
    """Why the weights of these backbones are unavailable, or ""."""
    from huggingface_hub import constants  # takes seconds

    repositories = [_repository(spec) for spec in specs]
    missing = [name for name in repositories if name and not _is_cached(name)]
    if not missing:
        return ""
    if constants.HF_HUB_OFFLINE:
        return f"HF_HUB_OFFLINE is set, and the cache has no {missing[0]}"
    return _unreachable_reason(f"{constants.ENDPOINT}/{missing[0]}/resolve/main/config.json")


def _repository(spec: BackboneSpec) -> str:
    import timm

    known = timm.get_pretrained_cfg(spec.timm_name)
    return str(known.hf_hub_id or "") if known else ""


def _is_cached(repository: str) -> bool:
    from huggingface_hub import try_to_load_from_cache

    return any(isinstance(try_to_load_from_cache(repository, name), str) for name in _FILES)


def _unreachable_reason(address: str) -> str:
    """Why an address does not respond, or ""; the timeout covers name resolution too."""
    reason = ["it does not respond"]

    def request_head() -> None:
        # Certificates are checked by the download; any response is enough here.
        context = ssl._create_unverified_context()
        request = urllib.request.Request(address, method="HEAD")
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S, context=context):
                reason[0] = ""
        except urllib.error.HTTPError as error:
            reason[0] = "" if error.code < 500 else f"HTTP status {error.code}"
        except (OSError, ValueError) as error:
            reason[0] = str(getattr(error, "reason", "") or error)

    thread = threading.Thread(target=request_head, daemon=True)
    thread.start()
    thread.join(_TIMEOUT_S + 1)
    return reason[0]
