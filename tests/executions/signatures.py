"""Reads the signature of a call to a target, and works it out by hand: nothing here is the server's."""

import hashlib
import hmac
import re
from dataclasses import dataclass

from tests.support.targets.exchanges import Received


@dataclass(frozen=True, slots=True)
class Signature:
    """The header `ZITADEL-Signature`, taken apart."""

    sent_at: str
    digests: list[str]


def signature_of(received: Received) -> Signature:
    header = received.header("ZITADEL-Signature") or ""
    parts = re.fullmatch(r"t=([0-9]+)((,v1=[0-9a-f]{64})+)", header)
    assert parts, header
    return Signature(parts[1], parts[2].removeprefix(",v1=").split(",v1="))


def digest_by(key: str, received: Received) -> str:
    """What a signature by this key should be."""
    signed = signature_of(received).sent_at.encode() + b"." + received.body
    return hmac.new(key.encode(), signed, hashlib.sha256).hexdigest()
