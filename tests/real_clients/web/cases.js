// What every client does, in proto3 JSON, so that one expectation on the Python side holds for all of them.
//
// A client is `{call(method, request, {headers, timeoutMs}), failure(error)}`: `call` answers the response as JSON or
// throws what its library throws, and `failure` makes `{code, message, details}` of an error of its library's own type
// and throws every other.

const SECONDS = 1000;

export async function runCases(client, name, token) {
  const options = { headers: { authorization: `Bearer ${token}` }, timeoutMs: 30 * SECONDS };
  const target = {
    name: `Grüße von ${name} 🎯`,
    restCall: { interruptOnError: true },
    timeout: "2.500000001s",
    endpoint: "https://example.com/hook?a=b",
  };
  const attempt = async (method, request, changes = {}) => {
    try {
      return { response: await client.call(method, request, { ...options, ...changes }) };
    } catch (error) {
      return { failure: client.failure(error) };
    }
  };

  const created = await attempt("createTarget", target);
  const targetId = created.response?.id ?? "none";
  return {
    created,
    readBack: await attempt("getTargetByID", { targetId }),
    // Some clients write the milliseconds of a deadline with more than gRPC's eight digits, or with a fraction.
    farDeadline: await attempt("getTargetByID", { targetId }, { timeoutMs: 100_000 * SECONDS + 0.5 }),
    nameTaken: await attempt("createTarget", { ...target, name: target.name.toUpperCase() }),
    badFields: await attempt("createTarget", { timeout: "-1s", endpoint: "javascript:alert(1)" }),
    unknownTarget: await attempt("getTargetByID", { targetId: "1" }),
    wrongToken: await attempt("getTargetByID", { targetId }, { headers: { authorization: "Bearer wrong" } }),
    noToken: await attempt("getTargetByID", { targetId }, { headers: {} }),
  };
}
