"""An observer that keeps what it sees."""

from rpcfront import CallEnd, CallStart


class Ends(list[CallEnd]):
    """The calls that have ended."""

    def started(self, call: CallStart) -> None:
        """Only ends are kept."""

    def ended(self, _token: object, call: CallEnd) -> None:
        self.append(call)
