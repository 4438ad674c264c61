// Connect's client with its gRPC-Web transport, the npm package `@connectrpc/connect-web`.

import { fromJson, toJson } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { ActionService, registry } from "./messages.js";

function detailToJson({ type, value }) {
  return toJson(AnySchema, { $typeName: AnySchema.typeName, typeUrl: `type.googleapis.com/${type}`, value }, { registry });
}

export function connectWeb(url) {
  const client = createClient(ActionService, createGrpcWebTransport({ baseUrl: url }));
  return {
    async call(name, request, options) {
      const { input, output } = ActionService.method[name];
      return toJson(output, await client[name](fromJson(input, request), options));
    },
    failure(error) {
      if (!(error instanceof ConnectError)) throw error;
      const { code, rawMessage, details } = error;
      return { code, message: rawMessage, details: details.map(detailToJson) };
    },
  };
}
