// The page: puts every client to the cases of the API that the page's own address names, and posts what came of them to
// the server that the page is from.

import { runCases } from "./cases.js";
import { clients } from "./clients.js";
import { runFeatures } from "./features.js";

const parameters = new URLSearchParams(location.search);

function run(name, connect) {
  const calls = parameters.get("calls");
  if (calls !== null) return runFeatures(connect(calls, "Calls"), calls);
  return runCases(connect(parameters.get("api"), "ActionService"), name, parameters.get("token"));
}

// Where calls hang, a report that lacks clients says more than none: the test does not wait for ever.
const BUDGET = 45_000;

const outcomes = {};
for (const [name, connect] of Object.entries(clients)) {
  outcomes[name] =
    performance.now() < BUDGET
      ? await run(name, connect).catch((error) => ({ error: error.stack ?? JSON.stringify(error) }))
      : { error: "not run: the clients before it took too long" };
}
await fetch("/report", { method: "POST", body: JSON.stringify(outcomes) });
