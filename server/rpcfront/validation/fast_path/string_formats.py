"""Patterns for buf.validate's well-known string formats. Each matches only values that certainly have the format.

They do not backtrack, and match ASCII only.
"""

from collections.abc import Mapping

_PATH = r"-A-Za-z0-9._~!$&'()*+,;=:@/"
_HEX = "[0-9A-Fa-f]"
_OCTET = r"(?>25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9][0-9]|[0-9])"
# RFC 3986 with an authority, and nothing percent-encoded.
_URI = (
    r"[A-Za-z][-A-Za-z0-9+.]*+://[-A-Za-z0-9._~]++(?>:[0-9]{1,5}+|)"
    rf"(?>[/?][{_PATH}?]*+|)(?>#[{_PATH}?]*+|)\Z"
)
_IPV4 = rf"{_OCTET}\.{_OCTET}\.{_OCTET}\.{_OCTET}\Z"

FORMATS: Mapping[str, str] = {
    "uri": _URI,
    "uri_ref": _URI,
    "ip": _IPV4,
    "ipv4": _IPV4,
    "uuid": rf"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}\Z",
    "tuuid": rf"{_HEX}{{32}}\Z",
}
"""Regular expressions in Python's dialect, by the name of the rule."""
