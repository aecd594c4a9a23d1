"""Whether timm's weights can be had: in the hub's cache on this machine, or from the hub.

The hub is asked once, for seconds; nothing is downloaded.
"""

from __future__ import annotations

import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Iterable

from trainables.registry import BackboneSpec

_PATIENCE_S = 4.0
_FILES = ("model.safetensors", "pytorch_model.bin")


def out_of_reach(specs: Iterable[BackboneSpec]) -> str:
    """Why the weights of these backbones cannot be had, or ""."""
    from huggingface_hub import constants  # seconds to import

    repositories = [_repository(spec) for spec in specs]
    missing = [one for one in repositories if one and not _is_cached(one)]
    if not missing:
        return ""
    if constants.HF_HUB_OFFLINE:
        return f"HF_HUB_OFFLINE is set, and the cache has no {missing[0]}"
    return _ask(f"{constants.ENDPOINT}/{missing[0]}/resolve/main/config.json")


def _repository(spec: BackboneSpec) -> str:
    import timm

    known = timm.get_pretrained_cfg(spec.timm_name)
    return str(known.hf_hub_id or "") if known else ""


def _is_cached(repository: str) -> bool:
    from huggingface_hub import try_to_load_from_cache

    return any(isinstance(try_to_load_from_cache(repository, name), str) for name in _FILES)


def _ask(address: str) -> str:
    """Why an address does not answer, or ""; a name server is not waited for either."""
    answer = ["it does not answer"]

    def ask() -> None:
        # Certificates are the download's to check: an answer is all that is wanted here.
        context = ssl._create_unverified_context()
        request = urllib.request.Request(address, method="HEAD")
        try:
            with urllib.request.urlopen(request, timeout=_PATIENCE_S, context=context):
                answer[0] = ""
        except urllib.error.HTTPError as error:
            answer[0] = "" if error.code < 500 else f"it answers {error.code}"
        except (OSError, ValueError) as error:
            answer[0] = str(getattr(error, "reason", "") or error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_PATIENCE_S + 1)
    return answer[0]
