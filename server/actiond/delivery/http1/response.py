"""Reads one response from the bytes of a connection, within limits. Does no I/O.

llhttp (through httptools) parses. This module decides where the response ends, and counts every byte of it towards a
limit: those of interim responses, of the head, of the body, and of what frames the body.
"""

from dataclasses import dataclass

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

MAX_HEAD_BYTES = 65_536
"""Limit on a response's head: the status line and all header lines, with the interim responses before it."""
MAX_INTERIM_RESPONSES = 10
"""Limit on the interim (1xx) responses before a response."""
MAX_EXTRA_FRAMING_BYTES = 65_536
"""How many bytes may frame a body (chunk sizes, extensions, trailers) beyond as many as the body itself has."""

_SLICE = 65_536
"""Bytes that are parsed between two checks of the limits."""
_SWITCHING_PROTOCOLS = 101
_BODILESS = (204, 304)
_RETRY_LATER = (429, 503)
_ENDED_EARLY = "the connection was closed in the middle of the response"


class ResponseError(Exception):
    """The response is not valid HTTP, or it ends early, or it exceeds a limit on framing. The text is for tests."""


class _FollowedError(Exception):
    """Something follows the response."""


class ConnectionLostError(ConnectionError):
    """The connection ended before the response's head was complete."""


class ResponseTooLargeError(Exception):
    """The body exceeds the limit."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True, slots=True)
class BodyLimit:
    """What is read of a body."""

    size: int
    """Bytes of the body."""
    is_kept: bool
    """Whether the body is needed. Otherwise it is read only so that the connection can be used again."""
    beginning: int = 0
    """Bytes at its beginning that are kept though it is not needed."""


class ResponseReader:
    """Reads one response. Give it bytes until `is_complete`."""

    def __init__(self, limit: BodyLimit) -> None:
        self._limit = limit
        self._parser = HttpResponseParser(self)
        # What aiohttp and Node accept of responses, too. The version is checked below: RFC 9110, 2.5, wants a higher
        # minor version to be read as the highest that is known.
        self._parser.set_dangerous_leniencies(
            lenient_headers=True,
            lenient_version=True,
            lenient_optional_cr_before_lf=True,
            lenient_spaces_after_chunk_size=True,
        )
        self.status = 0
        """The status, once the head is complete."""
        self.body = bytearray()
        """The body, if it is kept."""
        self.retry_after = b""
        """The value of Retry-After, of a 429 or 503 alone; empty if there is none."""
        self.is_complete = False
        """Whether nothing more of the response is wanted."""
        self.is_reusable = False
        """Whether the connection can carry another exchange, once the response is complete."""
        self._head_bytes = 0
        self._interim_responses = 0
        self._is_interim = False
        self._ends_with_connection = True
        self._announces_body = False
        self._raw_bytes = 0
        """Bytes after the head, those that frame the body included."""
        self._body_bytes = 0
        self._has_ended = False
        self._error: Exception | None = None

    def feed(self, data: bytes) -> None:
        """Take bytes from the connection.

        Raise ResponseError, and ResponseTooLargeError for a body that is kept. Whatever follows a complete response is
        ignored, but the connection is not reusable (RFC 9112, 6.3).
        """
        view = memoryview(data)
        while view and not self.is_complete:
            if self.status:
                part = view[:_SLICE]
                self._raw_bytes += len(part)
            else:
                part = view[: MAX_HEAD_BYTES - self._head_bytes]
                self._head_bytes += len(part)
            view = view[len(part) :]
            self._parse(part)
            self._check_limits()
        if view:
            self.is_reusable = False

    def feed_eof(self) -> None:
        """Take the end of the connection. Raise ResponseError or ConnectionLostError unless it ends the response."""
        self.is_reusable = False
        if not self.status:
            raise ConnectionLostError
        if not self._ends_with_connection:
            raise ResponseError(_ENDED_EARLY)
        self.is_complete = True

    def lost(self) -> Exception:
        """Return the error of a connection that broke rather than ended."""
        return ResponseError(_ENDED_EARLY) if self.status else ConnectionLostError()

    def release(self) -> None:
        """Let go of what refers to this reader, which reads nothing more. Otherwise the garbage collector would.

        It comes rarely, and until then the head of each response, which may be large, would stay in memory.
        """
        del self._parser
        self._error = None

    def _parse(self, part: memoryview) -> None:
        try:
            self._parser.feed_data(part)
        except (HttpParserError, HttpParserUpgrade, _FollowedError) as error:
            # What follows a complete response is not an error of this response.
            if not self._has_ended:
                raise self._error or ResponseError(str(error)) from None
            self.is_reusable = False
        # Of an unsuccessful response, only the status matters. Its body is not waited for.
        if self._has_ended or (self.status and not 200 <= self.status <= 299):
            self.is_reusable = self.is_reusable and self._has_ended
            self.is_complete = True

    def _check_limits(self) -> None:
        if not self.status:
            if self._head_bytes >= MAX_HEAD_BYTES:
                raise ResponseError("the head is too large")
        elif self._body_bytes > self._limit.size:
            if self._limit.is_kept and 200 <= self.status <= 299:
                raise ResponseTooLargeError(self.status)
            self._stop()
        elif not self.is_complete and self._raw_bytes > 2 * self._body_bytes + MAX_EXTRA_FRAMING_BYTES:
            if self._limit.is_kept:
                raise ResponseError("the body's framing is too large")
            self._stop()

    def _stop(self) -> None:
        """Read no more of a body that is not needed."""
        self.is_complete = True
        self.is_reusable = False

    # Called by the parser. What they raise reaches `_parse` as an error without a useful type.

    def on_message_begin(self) -> None:
        """Stop the parser at what follows the response."""
        if self._has_ended:
            self._fail(_FollowedError())

    def on_header(self, name: bytes, value: bytes) -> None:
        """See where the body ends, and when to retry. Trailers are ignored."""
        if self.status:
            return
        match name.lower():
            case b"content-length":
                self._ends_with_connection = False
                self._announces_body = value.strip(b"0") != b""
            case b"transfer-encoding":
                self._ends_with_connection = value.rpartition(b",")[2].strip().lower() != b"chunked"
                self._announces_body = True
            case b"retry-after" if self._parser.get_status_code() in _RETRY_LATER:
                self.retry_after = self.retry_after or value

    def on_headers_complete(self) -> None:
        """Take the status, unless the response is an interim one."""
        version = self._parser.get_http_version()
        if not version.startswith("1."):
            self._fail(ResponseError(f"the version is {version}"))
        status = self._parser.get_status_code()
        if 100 <= status <= 199 and status != _SWITCHING_PROTOCOLS:
            self._is_interim = True
            return
        if not 100 <= status <= 999:
            self._fail(ResponseError(f"the status is {status}"))
        self.status = status
        is_bodiless = status in _BODILESS
        if is_bodiless:
            self._ends_with_connection = False
        # After a response that must have no body but says that it has one, its body may still come.
        self.is_reusable = self._parser.should_keep_alive() and not (is_bodiless and self._announces_body)

    def on_body(self, data: bytes) -> None:
        """Keep a part of the body, if it is needed."""
        if self._is_interim:
            self._fail(ResponseError("an interim response has a body"))
        self._body_bytes += len(data)
        if self._body_bytes <= (self._limit.size if self._limit.is_kept else self._limit.beginning):
            self.body += data

    def on_message_complete(self) -> None:
        """Begin anew after an interim response; end otherwise."""
        if not self._is_interim:
            self._has_ended = True
            return
        self._is_interim = False
        self._announces_body = False
        self._ends_with_connection = True
        self._interim_responses += 1
        if self._interim_responses > MAX_INTERIM_RESPONSES:
            self._fail(ResponseError("there are too many interim responses"))

    def _fail(self, error: Exception) -> None:
        self._error = error
        try:
            raise error
        finally:
            del error  # its traceback refers to this frame
