"""Assemble the web page: a folder of static files, and one file that contains all of them.

Both work from a disk: scripts are classic ones, and engine and weights are text in scripts, because
browsers let a page from a disk fetch nothing. A content security policy forbids every connection.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from sweeper.use.web.runtime import Runtime

_SOURCES = Path(__file__).parent / "page"
_SCRIPTS = (
    "arithmetic.js",
    "resize.js",
    "resample.js",
    "clahe.js",
    "preprocess.js",
    "png.js",
    "pixels.js",
    "decode.js",
    "network.js",
    "occlusion.js",
    "page.js",
)
_POLICY = (
    "default-src 'none'; script-src {scripts} blob: 'wasm-unsafe-eval'; style-src {styles}; "
    "img-src data:; connect-src 'none'; {worker}base-uri 'none'; form-action 'none'"
)
_WORKER = "offline.js"


@dataclass(frozen=True)
class Page:
    """The content of a page.

    `about`: what its scripts know about the network. `shown`: the values of the template.
    """

    about: Mapping[str, Any]
    shown: Mapping[str, Any]
    model: bytes
    runtime: Runtime

    def files(self) -> dict[str, str]:
        """The folder: name -> text."""
        scripts = self._scripts()
        texts = {**scripts, "page.css": _source("page.css")}
        policy = _POLICY.format(scripts="'self'", styles="'self'", worker="worker-src 'self'; ")
        texts["index.html"] = self._html(
            policy,
            Markup('<link rel="stylesheet" href="page.css">'),
            Markup("\n").join(Markup('<script src="{}"></script>').format(one) for one in scripts),
            _WORKER,
        )
        version = hashlib.sha256("".join(texts.values()).encode()).hexdigest()[:16]
        worker = jinja2.Template(_source(_WORKER)).render(
            version=version, files=json.dumps(["./", *texts])
        )
        return {**texts, _WORKER: f"{worker}\n", "LICENSES.txt": self.runtime.licences}

    def single(self) -> str:
        """The self-contained file."""
        scripts, style = list(self._scripts().values()), _source("page.css")
        policy = _POLICY.format(
            scripts=" ".join(map(_hash, scripts)), styles=_hash(style), worker=""
        )
        inline = [Markup("<script>{}</script>").format(Markup(one)) for one in scripts]
        return self._html(
            policy,
            Markup("<style>{}</style>").format(Markup(style)),
            Markup("\n").join(inline),
            "",
        )

    def _scripts(self) -> dict[str, str]:
        """Name -> text, in the order in which the page needs them."""
        engine = {
            "wasm": packed(self.runtime.wasm),
            "loader": packed(self.runtime.loader),
            "licences": packed(self.runtime.licences.encode()),
        }
        return {
            "runtime.js": self.runtime.script,
            "engine.js": f"const EMBEDDED_ENGINE = {json.dumps(engine)};\n",
            "model.js": f"const EMBEDDED_MODEL = {json.dumps(packed(self.model))};\n",
            "about.js": f"const ABOUT = {_json(self.about)};\n",
            "app.js": "\n".join(_source(name) for name in _SCRIPTS),
        }

    def _html(self, policy: str, style: Markup, scripts: Markup, worker: str) -> str:
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_SOURCES),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
        )
        template = environment.get_template("index.html.j2")
        return template.render(
            policy=policy, style=style, scripts=scripts, worker=worker, **self.shown
        )


def packed(data: bytes) -> str:
    """gzip, then base64; the same bytes give the same text."""
    return base64.b64encode(gzip.compress(data, mtime=0)).decode()


def _json(values: Mapping[str, Any]) -> str:
    """JSON that cannot end the script element that contains it."""
    return json.dumps(values, indent=1).replace("<", "\\u003c")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _source(name: str) -> str:
    return (_SOURCES / name).read_text(encoding="utf-8")
