// @zitadel/node. It exports no client of the action service, so its users import the generated code by its path.
// Argument: the server's URL.

import { ClientError, Status, createChannel, createClientFactory } from "nice-grpc";
import { createAccessTokenInterceptor } from "@zitadel/node/dist/api/interceptors.js";
import { ActionServiceDefinition as v2 } from "@zitadel/node/dist/api/generated/zitadel/action/v2/action_service.js";
import { ActionServiceDefinition as v2beta } from "@zitadel/node/dist/api/generated/zitadel/action/v2beta/action_service.js";

import { answerLines, lowerFirst } from "./lines.js";

const definitions = { v2, v2beta };
const channel = createChannel(process.argv[2]);

// The generated code has a form of its own for durations.
const DURATIONS = ["timeout", "expirationSigningKey"];

function parsed(key, value) {
  if (!DURATIONS.includes(key)) return value;
  const [seconds, fraction = ""] = value.slice(0, -1).split(".");
  return { seconds, nanos: Number(fraction.padEnd(9, "0")) };
}

function printed(key, value) {
  if (!DURATIONS.includes(key)) return value;
  return `${Number(value.seconds ?? 0) + (value.nanos ?? 0) / 1e9}s`;
}

await answerLines({
  async invoke({ service, method, token, request }) {
    const definition = definitions[service];
    const client = createClientFactory().use(createAccessTokenInterceptor(token)).create(definition, channel);
    const name = lowerFirst(method);
    const { requestType, responseType } = definition.methods[name];
    const message = requestType.fromJSON(JSON.parse(JSON.stringify(request), parsed));
    return JSON.parse(JSON.stringify(responseType.toJSON(await client[name](message))), printed);
  },
  failure(error) {
    if (!(error instanceof ClientError)) throw error;
    return { code: Status[error.code], message: error.details, details: [] };
  },
});
