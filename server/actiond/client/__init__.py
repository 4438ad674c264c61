"""What other programs import of actiond: the verifier of signed calls.

It needs nothing of what serves: `pip install actiond` is enough.
"""

from actiond.client.signature import HEADER, SignatureError, verify

__all__ = ["HEADER", "SignatureError", "verify"]
