// Connect's client, the npm packages `@connectrpc/connect` and `@connectrpc/connect-web`, over either of its transports.

import { fromJson, toJson } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { ConnectError, createClient } from "@connectrpc/connect";
import { registry, services } from "./messages.js";

function detailToJson({ type, value }) {
  return toJson(AnySchema, { $typeName: AnySchema.typeName, typeUrl: `type.googleapis.com/${type}`, value }, { registry });
}

export function connectWeb(transport, serviceName) {
  const service = services[serviceName];
  const client = createClient(service, transport);
  return {
    async unary(name, request, { metadata, ...options }) {
      const { input, output } = service.method[name];
      let header, trailer;
      const message = await client[name](fromJson(input, request), {
        ...options,
        headers: metadata,
        onHeader: (headers) => (header = headers),
        onTrailer: (trailers) => (trailer = trailers),
      });
      return { message: toJson(output, message), initial: (key) => header.get(key), trailing: (key) => trailer.get(key) };
    },
    async *stream(name, request, { metadata, ...options }) {
      const { input, output } = service.method[name];
      for await (const message of client[name](fromJson(input, request), { ...options, headers: metadata })) {
        yield toJson(output, message);
      }
    },
    failure(error) {
      if (!(error instanceof ConnectError)) throw error;
      const { code, rawMessage, details } = error;
      return { code, message: rawMessage, details: details.map(detailToJson) };
    },
  };
}
