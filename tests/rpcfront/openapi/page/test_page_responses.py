"""Responses on the page: large ones, endless ones, broken ones, and those that never come."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
import pytest_asyncio
from google.api import httpbody_pb2
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from google.rpc import code_pb2, error_details_pb2

from rpcfront import Gateway, StatusError, make_status
from tests.rpcfront.openapi.documented import INFO
from tests.rpcfront.openapi.page.reader import Operation, open_operation
from tests.support.clients.devtools import Tab, open_tab
from tests.support.protos import compile_proto
from tests.support.servers.faces import listener
from tests.support.waiting import WAIT, until

PROTO = """
syntax = "proto3";
package page.v1;
import "google/api/annotations.proto";
import "google/api/httpbody.proto";
message Note { string text = 1; int64 number = 2; }
service Responses {
  rpc Large(Note) returns (google.api.HttpBody) { option (google.api.http) = { get: "/large" }; }
  rpc Nested(Note) returns (google.api.HttpBody) { option (google.api.http) = { get: "/nested" }; }
  rpc Bytes(Note) returns (google.api.HttpBody) { option (google.api.http) = { get: "/bytes" }; }
  rpc Latin(Note) returns (google.api.HttpBody) { option (google.api.http) = { get: "/latin" }; }
  rpc Nothing(Note) returns (google.api.HttpBody) { option (google.api.http) = { get: "/nothing" }; }
  rpc Never(Note) returns (Note) { option (google.api.http) = { get: "/never" }; }
  rpc Refused(Note) returns (Note) { option (google.api.http) = { get: "/refused" }; }
  rpc Endless(Note) returns (stream Note) { option (google.api.http) = { get: "/endless" }; }
  rpc EndlessLine(Note) returns (stream Note) { option (google.api.http) = { get: "/line" }; }
  rpc EndlessText(Note) returns (stream google.api.HttpBody) { option (google.api.http) = { get: "/text" }; }
  rpc Slow(Note) returns (stream Note) { option (google.api.http) = { get: "/slow" }; }
  rpc Broken(Note) returns (stream Note) { option (google.api.http) = { get: "/broken" }; }
}
"""
SHOWN_CHARACTERS = 64 * 1024
SHOWN_LINES = 200
NUMBERS = json.dumps(list(range(1_000_000))).encode()

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Servicer:
    def __init__(self, pool: DescriptorPool) -> None:
        self._note = GetMessageClass(pool.FindMessageTypeByName("page.v1.Note"))
        self._body = GetMessageClass(pool.FindMessageTypeByName(httpbody_pb2.HttpBody.DESCRIPTOR.full_name))
        self.left = asyncio.Event()
        """Set when the client of a call has left."""

    async def Large(self, _request: Any, _context: Any) -> Any:
        return self._body(content_type="application/json", data=NUMBERS)

    async def Nested(self, _request: Any, _context: Any) -> Any:
        return self._body(content_type="application/json; charset=utf-8", data=b"[" * SHOWN_CHARACTERS)

    async def Bytes(self, _request: Any, _context: Any) -> Any:
        return self._body(content_type="image/png", data=b"\x89PNG\r\n\x1a\n" * 1000)

    async def Latin(self, _request: Any, _context: Any) -> Any:
        return self._body(content_type='text/plain; charset="iso-8859-1"', data="Grüße".encode("latin-1"))

    async def Nothing(self, _request: Any, _context: Any) -> Any:
        return self._body(content_type="text/plain")

    async def Never(self, _request: Any, _context: Any) -> Any:
        await self._hold()

    async def Refused(self, _request: Any, _context: Any) -> Any:
        violations = [
            error_details_pb2.BadRequest.FieldViolation(field=field, description=f"is <b>{field}</b>")
            for field in ("one", "two")
        ]
        details = error_details_pb2.BadRequest(field_violations=violations)
        raise StatusError(make_status(code_pb2.INVALID_ARGUMENT, "both are wrong", details))

    async def Endless(self, _request: Any, _context: Any) -> AsyncIterator[Any]:
        number = 0
        try:
            while True:
                number += 1
                yield self._note(number=number)
        finally:
            self.left.set()

    async def EndlessLine(self, _request: Any, _context: Any) -> AsyncIterator[Any]:
        while True:
            yield self._note(text="x" * 200_000)

    async def EndlessText(self, _request: Any, _context: Any) -> AsyncIterator[Any]:
        try:
            while True:
                yield self._body(content_type="text/plain", data=b"x" * 200_000)
        finally:
            self.left.set()

    async def Slow(self, _request: Any, _context: Any) -> AsyncIterator[Any]:
        for number in (1, 2):
            yield self._note(number=number)
        await self._hold()

    async def Broken(self, _request: Any, context: Any) -> AsyncIterator[Any]:
        yield self._note(text="well")
        context.abort(grpc.StatusCode.DATA_LOSS, "the rest is lost")

    async def _hold(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.left.set()


@dataclass(frozen=True)
class Page:
    tab: Tab
    url: str
    downloads: Path
    servicer: Servicer

    async def call(self, name: str) -> Operation:
        """Send a call of a method, and return at once."""
        self.servicer.left.clear()
        operation = await open_operation(self.tab, self.url, f"page.v1.Responses.{name}")
        await operation.send()
        return operation

    async def summary(self, operation: Operation) -> str:
        return await operation.text("form > div .note")

    async def stop(self, operation: Operation) -> None:
        """Press Stop, and wait until the page has stopped and the server has seen it."""
        await self.tab.evaluate(f"{operation.within('[type=button]')}.click()")
        await self.tab.until(f"{operation.within('[role=status]')}.textContent.startsWith('Stopped in ')")
        await asyncio.wait_for(self.servicer.left.wait(), WAIT)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def page(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Page]:
    scratch = tmp_path_factory.mktemp("browser")
    pool = compile_proto(PROTO)
    servicer = Servicer(pool)
    gateway = Gateway(services=[(pool.FindServiceByName("page.v1.Responses"), servicer)], openapi=INFO)
    async with open_tab(chromium, scratch) as tab, listener(gateway) as port:
        yield Page(tab, f"http://127.0.0.1:{port}/docs", scratch, servicer)


async def test_a_large_response_is_cut_and_can_be_saved_whole(page: Page) -> None:
    operation = await page.call("Large")
    assert (await operation.ended()).startswith("200 OK in ")
    assert await page.summary(operation) == "7.5 MiB. Its first 64.0 KiB are shown."
    body = await operation.body()
    assert body.startswith("[\n  0,\n  1,\n")
    assert len(body) < 3 * SHOWN_CHARACTERS
    await page.tab.evaluate(f"{operation.within('form > div [type=button]')}.click()")
    saved = page.downloads / "page.v1.Responses.Large.json"
    await asyncio.to_thread(until, saved.exists, "the file is there under its own name, and so whole")
    assert saved.read_bytes() == NUMBERS


async def test_deep_json_is_indented_to_a_bounded_length(page: Page) -> None:
    operation = await page.call("Nested")
    await operation.ended()
    assert (await operation.body()).startswith("[\n  [\n    [\n")
    assert len(await operation.body()) < 3 * SHOWN_CHARACTERS


async def test_an_endless_stream_is_shown_as_it_comes_and_can_be_stopped(page: Page) -> None:
    operation = await page.call("Endless")
    lines = f"{operation.within('form > div .note')}.textContent.replaceAll(',', '')"
    # Each of these is heard at once, or the page stands still.
    for count in (1_000, 10_000, 30_000):
        await page.tab.until(f"parseInt({lines}) > {count}")
        shown = (await operation.body()).splitlines()
        assert len(shown) == SHOWN_LINES
        numbers = [int(json.loads(line)["number"]) for line in shown]
        assert numbers == list(range(numbers[0], numbers[0] + SHOWN_LINES))
    assert await operation.text("[role=status] strong") == "200 OK"
    await page.stop(operation)
    assert (await page.summary(operation)).endswith(" The last ones are shown.")
    assert page.tab.complaints == []


ALWAYS_READY = """
  window.fetch = async (_request, { signal }) => new Response(new ReadableStream({
    start(controller) { signal.addEventListener("abort", () => controller.error(signal.reason)); },
    pull(controller) { controller.enqueue(new TextEncoder().encode("{}\\n")); },
  }), { headers: { "content-type": "application/x-ndjson" } });
"""
"""A server that is always faster than the page: of what is there already, a browser reads on without a pause."""


async def test_a_stream_that_always_has_more_leaves_the_page_time_for_its_reader(page: Page) -> None:
    operation = await open_operation(page.tab, page.url, "page.v1.Responses.Endless")
    await page.tab.evaluate(ALWAYS_READY)
    await operation.send()
    await page.tab.until(f"parseInt({operation.within('form > div .note')}.textContent.replaceAll(',', '')) > 1000")
    await page.tab.evaluate(f"{operation.within('[type=button]')}.click()")
    await page.tab.until(f"{operation.within('[role=status]')}.textContent.startsWith('Stopped in ')")


async def test_lines_that_are_long_are_cut_too(page: Page) -> None:
    operation = await page.call("EndlessLine")
    await page.tab.until(f"parseInt({operation.within('form > div .note')}.textContent) > 20")
    assert 0 < len(await operation.body()) <= SHOWN_CHARACTERS
    await page.tab.evaluate(f"{operation.within('[type=button]')}.click()")


async def test_an_endless_text_is_read_up_to_a_limit(page: Page) -> None:
    operation = await page.call("EndlessText")
    assert (await operation.ended()).startswith("200 OK in ")
    summary = await page.summary(operation)
    assert summary.startswith("64.")
    assert summary.endswith(" MiB. Its first 64.0 KiB are shown. Reading has stopped there.")
    assert len(await operation.body()) == SHOWN_CHARACTERS
    await asyncio.wait_for(page.servicer.left.wait(), WAIT)


async def test_what_has_come_is_shown_while_the_rest_is_awaited(page: Page) -> None:
    operation = await page.call("Slow")
    await page.tab.until(f"{operation.within('pre')}.textContent.includes('2')")
    assert await page.summary(operation) == "2 lines, 30 bytes so far."
    await page.stop(operation)
    assert await page.summary(operation) == "2 lines, 30 bytes."


async def test_a_call_without_an_answer_can_be_stopped(page: Page) -> None:
    operation = await page.call("Never")
    await page.tab.until(f"!{operation.within('[type=button]')}.hidden")
    await page.stop(operation)
    assert await page.tab.evaluate(f"{operation.within('[type=button]')}.hidden")


async def test_a_second_call_ends_the_first(page: Page) -> None:
    operation = await page.call("Endless")
    await page.tab.until(operation.within("pre:not([hidden])"))
    await operation.send()
    await asyncio.wait_for(page.servicer.left.wait(), WAIT)
    await page.tab.until(f"{operation.within('pre')}.textContent.includes('number')")
    await page.stop(operation)


async def test_an_error_is_said_with_the_fields_that_it_names(page: Page) -> None:
    operation = await page.call("Refused")
    assert (await operation.ended()).startswith("400 Bad Request in ")
    said = await page.tab.evaluate(
        f"[...{operation.element}.querySelectorAll('.failed + div *')].map((each) => each.textContent)"
    )
    assert said == [
        "both are wrong",
        "one is <b>one</b>two is <b>two</b>",
        "one is <b>one</b>",
        "one",
        "two is <b>two</b>",
        "two",
    ]


async def test_a_stream_that_breaks_has_failed(page: Page) -> None:
    operation = await page.call("Broken")
    await operation.ended()
    assert await operation.text(".failed + div") == "the rest is lost"
    assert (await operation.body()).startswith('{"text":"well"}\n{"error":')


async def test_bytes_that_are_no_text_are_not_shown(page: Page) -> None:
    operation = await page.call("Bytes")
    await operation.ended()
    assert await page.summary(operation) == "7.8 KiB, which are not text."
    assert await page.tab.evaluate(f"{operation.within('pre')}.hidden")


async def test_text_is_read_in_its_charset(page: Page) -> None:
    operation = await page.call("Latin")
    await operation.ended()
    assert await operation.body() == "Grüße"


async def test_an_empty_response_is_called_empty(page: Page) -> None:
    operation = await page.call("Nothing")
    await operation.ended()
    assert await page.summary(operation) == "There is no body."


async def test_a_server_that_is_gone_is_called_gone(page: Page) -> None:
    pool = compile_proto(PROTO)
    gateway = Gateway(services=[(pool.FindServiceByName("page.v1.Responses"), Servicer(pool))], openapi=INFO)
    async with listener(gateway) as port:
        operation = await open_operation(page.tab, f"http://127.0.0.1:{port}/docs", "page.v1.Responses.Nothing")
    await operation.send()
    assert (await operation.ended()).startswith("No response: ")
