// The page: runs every client's cases against the API that its own address names, and posts what came of them to the
// server that the page is from.

import { runCases } from "./cases.js";
import { connectWeb } from "./connect_web.js";
import { grpcWeb } from "./grpc_web.js";
import { protobufTs } from "./protobuf_ts.js";

async function runAll() {
  const parameters = new URLSearchParams(location.search);
  const [api, token] = [parameters.get("api"), parameters.get("token")];
  const clients = {
    "grpc-web text": grpcWeb(api, "text"),
    "grpc-web binary": grpcWeb(api, "binary"),
    "connect-web": connectWeb(api),
    "protobuf-ts default": protobufTs(api, {}),
    "protobuf-ts binary": protobufTs(api, { format: "binary" }),
  };
  const outcomes = {};
  for (const [name, client] of Object.entries(clients)) {
    outcomes[name] = await runCases(client, name, token).catch((error) => ({ error: error.stack ?? JSON.stringify(error) }));
  }
  return outcomes;
}

await fetch("/report", { method: "POST", body: JSON.stringify(await runAll()) });
