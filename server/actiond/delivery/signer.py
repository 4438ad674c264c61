"""Signs calls with their target's keys, which are stored encrypted."""

import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from actiond.actions.signing_keys import SigningKey
from actiond.client import signature
from actiond.delivery.outcomes import CallFailedError, Outcome
from actiond.secrets.sealing import Sealer, UnsealError

_log = logging.getLogger(__name__)


class Signer:
    """Signs calls. Decrypts a signing key for each use and does not keep it."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer
        self._has_logged = False

    def headers(
        self, target_id: str, keys: Sequence[SigningKey], body: bytes, message_id: str = ""
    ) -> Mapping[str, str]:
        """Return the signature headers of a call that is sent now; with a message id, those of Standard Webhooks, too.

        One key that can be decrypted is enough: after the encryption key was lost, a new signing key repairs a target
        at once, although the older keys would still be valid for a while.

        Raise CallFailedError (Outcome.KEY_UNAVAILABLE) if the target has no valid key, or if none can be decrypted: no
        call is sent unsigned.
        """
        now = time.time_ns()
        opened, lost = self._opened(target_id, keys, now)
        if lost:
            self._log_once(target_id, "cannot be decrypted: it was encrypted with another encryption key")
        if not opened:
            self._log_once(target_id, "is missing")
            raise CallFailedError(Outcome.KEY_UNAVAILABLE)
        seconds = now // 1_000_000_000
        headers = {signature.HEADER: signature.header(body, opened, seconds)}
        if message_id:
            headers |= signature.webhook_headers(message_id, body, opened, seconds)
        return headers

    def can_sign(self, target_id: str, keys: Sequence[SigningKey]) -> bool:
        """Return whether a call that is sent now can be signed."""
        return bool(self._opened(target_id, keys, time.time_ns())[0])

    def _opened(self, target_id: str, keys: Sequence[SigningKey], now_ns: int) -> tuple[list[str], int]:
        """Return the valid keys that can be decrypted, and how many others are valid."""
        valid = [key for key in keys if key.is_valid(now_ns)]
        opened = []
        for key in valid:
            with suppress(UnsealError):
                opened.append(self._sealer.open(target_id, key.sealed))
        return opened, len(valid) - len(opened)

    def _log_once(self, target_id: str, what: str) -> None:
        """Log that a key cannot be used, only once: without the encryption key, every call would log it."""
        if not self._has_logged:
            self._has_logged = True
            _log.error(
                "A signing key of target %s %s. Restore it, or give the target a new signing key "
                "(actiond target rotate-key). Other targets may be affected; this is logged once.",
                target_id,
                what,
            )
