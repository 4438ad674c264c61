"""The page of /docs: one file of our own, which needs nothing from elsewhere and is allowed nothing else."""

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_ASSETS = files(__package__).joinpath("assets")
_SCRIPTS = ("text.js", "schema.js", "call.js", "docs.js")
"""Together one module, in this order."""


@dataclass(frozen=True, slots=True)
class Page:
    """An HTML page, and the headers that go with it."""

    headers: tuple[tuple[str, str], ...]
    body: bytes


@cache
def page() -> Page:
    """The page with its style and script inside. A browser runs these two and no others, told by their hashes."""
    style, script = _asset("docs.css"), "\n".join(map(_asset, _SCRIPTS))
    html = _asset("docs.html").replace("/*style*/", style).replace("/*script*/", script)
    policy = (
        "default-src 'none'",
        f"style-src '{_hash(style)}'",
        f"script-src '{_hash(script)}'",
        "connect-src 'self'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
    headers = (
        ("content-type", "text/html; charset=utf-8"),
        ("content-security-policy", "; ".join(policy)),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
    )
    return Page(headers, html.encode())


def _asset(name: str) -> str:
    return _ASSETS.joinpath(name).read_text("utf-8")


def _hash(text: str) -> str:
    """As a Content-Security-Policy names an inline element: by the digest of what stands between its tags."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
