"""How a token is sent."""


def authorization(token: str) -> tuple[tuple[str, str], ...]:
    """Return the metadata that carries a token. Raises ValueError, without the token, if it cannot be sent."""
    if not (token.isascii() and token.isprintable() and token.strip()):
        raise ValueError("token is empty, or has characters that cannot be sent")
    return (("authorization", f"Bearer {token}"),)
