"""The names in a call's client certificate, for tokens that are bound to them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress

from actiond.actions.certificates import canonical_name

MAX_NAMES = 16
"""Names of a certificate that are looked up."""

_KINDS = {"peer_dns": "dns", "peer_uri": "uri", "peer_email": "email", "peer_ip": "ip"}
"""The kinds of names, by grpcio's names for them in an auth context. It has only certificates that were verified."""
_SENT_BY_BROWSERS = frozenset(("origin", "sec-fetch-site"))


def certificate_names(
    auth_context: Mapping[str, Sequence[bytes]], headers: Callable[[], Iterable[tuple[str, str | bytes]]]
) -> Sequence[str]:
    """Return the names in the certificate of a call with these headers. Calls from web pages have none.

    A browser presents its certificate to every page that calls, so it does not show that its user wants the call.
    """
    named = [(kind, value) for key, kind in _KINDS.items() for value in auth_context.get(key, ())][:MAX_NAMES]
    if not named or any(key in _SENT_BY_BROWSERS for key, _ in headers()):
        return ()
    names = []
    for kind, value in named:
        with suppress(ValueError):  # not an address, or not ASCII: no token is bound to such a name
            names.append(canonical_name(kind, value.decode("ascii")))
    return names
