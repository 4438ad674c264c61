"""Plain spellings of buf.validate's well-known forms of texts. None is the whole form: each is a part that is sure.

They do not backtrack, and match ASCII alone.
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

FORMS: Mapping[str, str] = {
    "uri": _URI,
    "uri_ref": _URI,
    "ip": _IPV4,
    "ipv4": _IPV4,
    "uuid": rf"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}\Z",
    "tuuid": rf"{_HEX}{{32}}\Z",
}
"""Expressions of Python's by the name of the rule."""
