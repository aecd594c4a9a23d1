"""The availability of weights is checked once, in seconds, without downloads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import huggingface_hub
import pytest
from huggingface_hub import constants

from trainables.hub import out_of_reach
from trainables.registry import BACKBONES

TWO = [BACKBONES["resnet50"], BACKBONES["vgg16"]]


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str]]]:
    """The address of an empty hub, and the requests it has received."""
    requests: list[str] = []

    class Hub(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            requests.append(f"{self.command} {self.path}")
            self.send_error(404)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", requests
        server.shutdown()


@pytest.fixture(autouse=True)
def _empty_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_: None)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)


def test_a_hub_that_responds_gets_one_request(
    asked: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, requests = asked
    monkeypatch.setattr(constants, "ENDPOINT", address)
    assert out_of_reach(TWO) == ""
    assert requests == ["HEAD /timm/resnet50.tv_in1k/resolve/main/config.json"]


def test_an_unreachable_hub_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert "refused" in out_of_reach(TWO)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert out_of_reach(TWO) == "HF_HUB_OFFLINE is set, and the cache has no timm/resnet50.tv_in1k"


def test_weights_in_the_cache_need_no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_: "/a/file")
    assert out_of_reach(TWO) == ""
