"""Which headers of a call executions may see: one list for the server and the interceptors."""

SHOWN_HEADERS = ("content-type", "host", "origin", "x-forwarded-for", "x-forwarded-host")
"""The headers that targets see, if a call has them, as ZITADEL's do: none that may hold a secret."""
SECRET_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})
"""The headers that neither targets nor match conditions see: who may set a condition could find out another caller's
secret with it. Binary ones are not seen either."""
