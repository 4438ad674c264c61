// What every client is put to against the service of calls.proto: one outcome a feature, with what the client saw of
// the call and, as `inside`, what the servicer saw. Nothing is judged here.

import { base64Encode } from "@bufbuild/protobuf/wire";

const DEADLINE = 1500;
// What a call may take at most, and its first message: a few milliseconds where all is well.
const LIMIT = 5000;
const PATIENCE = 3000;

const SENT = new Uint8Array([0xfb, 0xff, 0x00, 0xfe]); // in base64 it has a `+`, a `/` and an end to be padded

export async function runFeatures(client, url) {
  const once = (steps, options) => begin(url, client, onceOf, steps, options);
  const many = (steps, options) => begin(url, client, manyOf, steps, options);

  const deadlines = [
    observe(once(["HOLD"], { timeoutMs: DEADLINE })),
    observe(many(["SEND", "HOLD"], { timeoutMs: DEADLINE })),
  ];
  // While those two wait, the others run one by one: a browser has few connections to a server.
  const stream = await observe(many(["SEND", "HOLD", "SEND", "SEND"]), async (call) => {
    await Promise.race([call.first, call.ended, after(PATIENCE)]);
    call.seen.beforeRelease = call.seen.messages.length;
    await call.ask("release", { method: "POST" });
  });
  return {
    unary: await once([]).ended,
    stream,
    richError: await once(["FAIL"]).ended,
    streamRichError: await many(["SEND", "SEND", "FAIL"]).ended,
    cancellation: await observe(once(["HOLD"]), (call) => call.cancel()),
    streamCancellation: await observe(many(["SEND", "HOLD"]), async (call) => {
      if (stream.beforeRelease) await Promise.race([call.first, call.ended]);
      call.cancel();
    }),
    binaryMetadata: await exchange(client),
    deadline: await deadlines[0],
    streamDeadline: await deadlines[1],
  };
}

async function* onceOf(client, request, options) {
  yield (await client.unary("once", request, options)).message;
}

function manyOf(client, request, options) {
  return client.stream("many", request, options);
}

// A call under way. `ended` is what the client has seen of it, `seen` what it has seen so far.
function begin(url, client, messagesOf, steps, options = {}) {
  const id = crypto.randomUUID();
  const seen = { messages: [] };
  const first = Promise.withResolvers();
  const abort = new AbortController();
  const run = async () => {
    try {
      for await (const message of messagesOf(client, { id, steps }, { signal: abort.signal, ...options })) {
        seen.messages.push(message);
        first.resolve();
      }
    } catch (error) {
      seen.failure = client.failure(error);
    }
    return seen;
  };
  const limit = async () => {
    await after(LIMIT);
    abort.abort(); // it would keep one of the browser's few connections
    return { ...seen, failure: { code: -1, message: "no end" } };
  };
  const ask = async (what, init) => {
    const response = await fetch(`${url}/v1/calls/${id}/${what}`, { signal: AbortSignal.timeout(LIMIT), ...init });
    if (!response.ok) throw new Error(await response.text());
    return response.json();
  };
  return { seen, first: first.promise, ended: Promise.race([run(), limit()]), cancel: () => abort.abort(), ask };
}

// The call's outcome. What shall be done to the call is done once its servicer has begun.
async function observe(call, act = () => {}) {
  const leave = new AbortController();
  const start = await Promise.race([call.ask("start", { signal: leave.signal }), call.ended.then(() => undefined)]);
  leave.abort();
  if (start) await act(call);
  const seen = await call.ended;
  if (!start) return seen;
  const end = await call.ask("end").catch((error) => ({ how: String(error) }));
  return { ...seen, inside: { ...start, ...end } };
}

// Bytes as they are, and in base64 if they did not arrive like this.
async function exchange(client) {
  const attempt = async (value) => {
    const id = crypto.randomUUID();
    try {
      const options = { metadata: { "x-sent-bin": value }, signal: AbortSignal.timeout(LIMIT) };
      const { message, initial, trailing } = await client.unary("once", { id }, options);
      return { sent: message.sent, initial: show(initial("x-initial-bin")), trailing: show(trailing("x-trailing-bin")) };
    } catch (error) {
      return { failure: client.failure(error) };
    }
  };
  const base64 = base64Encode(SENT);
  const bytes = await attempt(SENT);
  return bytes.sent === base64 ? { bytes } : { bytes, text: await attempt(base64) };
}

function show(value) {
  return value instanceof Uint8Array ? { bytes: base64Encode(value) } : { text: value };
}

function after(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
