"""Which addresses may be called, and how a URL, a name or an IPv6 address is read for that."""
