// @zitadel/client with @zitadel/proto: gRPC by its `/node` module, gRPC-Web with fetch by its `/web` module.
// Arguments: the module, and the server's URL.

import { fromJson, toJson } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { createClientFor } from "@zitadel/client";
import { createServerTransport } from "@zitadel/client/node";
import { createClientTransport } from "@zitadel/client/web";
import { ActionService } from "@zitadel/proto/zitadel/action/v2beta/action_service_pb";
import { ErrorDetailSchema } from "@zitadel/proto/zitadel/message_pb";

import { answerLines, lowerFirst } from "./lines.js";

const [module, baseUrl] = process.argv.slice(2);
const createTransport = { node: createServerTransport, web: createClientTransport }[module];
const clients = new Map();

function clientOf(token) {
  if (!clients.has(token)) {
    clients.set(token, createClientFor(ActionService)(createTransport(token, { baseUrl })));
  }
  return clients.get(token);
}

await answerLines({
  async invoke({ method, token, request }) {
    const name = lowerFirst(method);
    const { input, output } = ActionService.method[name];
    return toJson(output, await clientOf(token)[name](fromJson(input, request)));
  },
  failure(error) {
    if (!(error instanceof ConnectError)) throw error;
    const details = error.findDetails(ErrorDetailSchema).map(({ id, message }) => ({ id, message }));
    return { code: Code[error.code], message: error.rawMessage, details };
  },
});
