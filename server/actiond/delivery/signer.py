"""Signs a call by its target's keys, which come sealed. It knows nothing of how a call is made."""

import logging
import time
from collections.abc import Mapping, Sequence

from actiond.actions.signing_keys import SigningKey
from actiond.client import signature
from actiond.delivery.outcomes import CallFailedError, Outcome
from actiond.secrets.sealing import Sealer, UnsealError

_log = logging.getLogger(__name__)


class Signer:
    """Opens keys as they are used and keeps none of them."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer
        self._has_told = False

    def headers(self, target_id: str, keys: Sequence[SigningKey], body: bytes) -> Mapping[str, str] | None:
        """What a call that is sent now carries beside what all calls do; None for a target without keys.

        One key that opens is enough: where the encryption key was lost, a new signing key mends a target at once,
        although those before it would have signed for a while yet.

        Raises CallFailedError (Outcome.KEY) when none opens.
        """
        now = time.time_ns()
        valid = [key for key in keys if key.is_valid(now)]
        if not valid:
            return None
        opened = []
        for key in valid:
            try:
                opened.append(self._sealer.open(target_id, key.sealed))
            except UnsealError:
                self._tell(target_id)
        if not opened:
            raise CallFailedError(Outcome.KEY)
        return {signature.HEADER: signature.header(body, opened, now // 1_000_000_000)}

    def _tell(self, target_id: str) -> None:
        """Once: with a lost encryption key every call would."""
        if not self._has_told:
            self._has_told = True
            _log.error(
                "A signing key of target %s cannot be opened: it was sealed under another encryption key. "
                "Bring that one back, or give the target a new signing key (actiond target rotate-key). "
                "Other targets may be concerned; this is told once.",
                target_id,
            )
