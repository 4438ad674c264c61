"""The page of /docs: a single file that loads nothing else, and whose policy allows nothing else."""

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_ASSETS = files(__package__).joinpath("assets")
_SCRIPTS = ("text.js", "api.js", "schema.js", "address.js", "response.js", "view.js", "call.js", "docs.js")
"""Concatenated in this order to one module."""


@dataclass(frozen=True, slots=True)
class DocsPage:
    """The HTML page and its headers."""

    headers: tuple[tuple[str, str], ...]
    body: bytes


@cache
def docs_page() -> DocsPage:
    """Return the page with its style and script inlined. Browsers run only these two, identified by their hashes."""
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
        # No text can become HTML or script, even by mistake.
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
    headers = (
        ("content-type", "text/html; charset=utf-8"),
        ("content-security-policy", "; ".join(policy)),
        ("referrer-policy", "no-referrer"),
        ("x-frame-options", "DENY"),  # for browsers that do not know frame-ancestors
    )
    return DocsPage(headers, html.encode())


def _asset(name: str) -> str:
    return _ASSETS.joinpath(name).read_text("utf-8")


def _hash(text: str) -> str:
    """Return the hash that stands for an inline element in a Content-Security-Policy: of what is between its tags."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
