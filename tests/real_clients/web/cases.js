// What every client does with the ActionService, in proto3 JSON, so that one expectation on the Python side holds for
// all of them.

const SECONDS = 1000;

export async function runCases(client, name, token) {
  const options = { metadata: { authorization: `Bearer ${token}` }, timeoutMs: 30 * SECONDS };
  const target = {
    name: `Grüße von ${name} 🎯`,
    restCall: { interruptOnError: true },
    timeout: "2.500000001s",
    endpoint: "https://example.com/hook?a=b",
  };
  const attempt = async (method, request, changes = {}) => {
    try {
      const { message } = await client.unary(method, request, { ...options, ...changes });
      return { response: message };
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
    wrongToken: await attempt("getTargetByID", { targetId }, { metadata: { authorization: "Bearer wrong" } }),
    noToken: await attempt("getTargetByID", { targetId }, { metadata: {} }),
  };
}
