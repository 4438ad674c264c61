"""What other programs import of actiond: the verifier of signed calls, and the key for Standard Webhooks libraries.

It needs nothing of what serves: `pip install actiond` is enough.
"""

from actiond.client.signature import HEADER, SignatureError, verify, whsec

__all__ = ["HEADER", "SignatureError", "verify", "whsec"]
