// nice-grpc's client, the npm package `nice-grpc-web`, with the middleware that its authors offer for deadlines.

import { fromBinary, fromJson, toBinary, toJson } from "@bufbuild/protobuf";
import { deadlineMiddleware } from "nice-grpc-client-middleware-deadline";
import { ClientError, Metadata, Status, createChannel, createClientFactory } from "nice-grpc-web";
import { detailsFromBinary, services } from "./messages.js";

// What its generator writes for a method.
function describe({ parent, name, methodKind, input, output }) {
  return {
    path: `/${parent.typeName}/${name}`,
    requestStream: false,
    responseStream: methodKind === "server_streaming",
    requestSerialize: (message) => toBinary(input, message),
    responseDeserialize: (bytes) => fromBinary(output, bytes),
    options: {},
  };
}

// An error brings no metadata along: the trailers pass by before it is thrown.
const detailsOf = new WeakMap();

async function* keepDetails(call, options) {
  let status;
  const onTrailer = (trailer) => {
    status = trailer.get("grpc-status-details-bin");
    options.onTrailer?.(trailer);
  };
  try {
    return yield* call.next(call.request, { ...options, onTrailer });
  } catch (error) {
    detailsOf.set(error, status ? detailsFromBinary(status) : []);
    throw error;
  }
}

export function niceGrpcWeb(url, serviceName) {
  const { method } = services[serviceName];
  const definition = Object.fromEntries(Object.entries(method).map(([name, types]) => [name, describe(types)]));
  const factory = createClientFactory().use(keepDetails).use(deadlineMiddleware);
  const client = factory.create(definition, createChannel(url));
  const toOptions = ({ metadata, timeoutMs, signal }) => ({ metadata: Metadata(metadata), deadline: timeoutMs, signal });
  return {
    async unary(name, request, options) {
      const { input, output } = method[name];
      let header, trailer;
      const message = await client[name](fromJson(input, request), {
        ...toOptions(options),
        onHeader: (metadata) => (header = metadata),
        onTrailer: (metadata) => (trailer = metadata),
      });
      return { message: toJson(output, message), initial: (key) => header.get(key), trailing: (key) => trailer.get(key) };
    },
    async *stream(name, request, options) {
      const { input, output } = method[name];
      for await (const message of client[name](fromJson(input, request), toOptions(options))) yield toJson(output, message);
    },
    failure(error) {
      // A call that its caller aborts ends with the platform's kind of error.
      if (error.name === "AbortError") return { code: Status.CANCELLED, message: error.message, details: [] };
      if (!(error instanceof ClientError)) throw error;
      return { code: error.code, message: error.details, details: detailsOf.get(error) ?? [] };
    },
  };
}
