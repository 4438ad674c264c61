// Google's own client, the npm package `grpc-web`.

import { fromBinary, fromJson, toBinary, toJson } from "@bufbuild/protobuf";
import { GrpcWebClientBase, MethodDescriptor, MethodType, RpcError } from "grpc-web";
import { detailsFromBase64, services } from "./messages.js";

// What Google's generator writes for a method.
function describe({ parent, name, methodKind, input, output }) {
  const type = methodKind === "unary" ? MethodType.UNARY : MethodType.SERVER_STREAMING;
  const serialize = (request) => toBinary(input, request);
  const deserialize = (bytes) => fromBinary(output, bytes);
  return new MethodDescriptor(`/${parent.typeName}/${name}`, type, Object, Object, serialize, deserialize);
}

function toMetadata({ metadata, timeoutMs }) {
  return timeoutMs === undefined ? metadata : { ...metadata, deadline: String(Date.now() + timeoutMs) };
}

// A call's events as a stream of functions that return a message or throw. An error of the stream itself would throw
// away the messages before it that nobody has taken yet.
function resultsOf(call, signal) {
  return new ReadableStream({
    start(results) {
      let open = true; // "end" may come after "error", and after cancel() comes nothing
      const close = () => {
        if (open) results.close();
        open = false;
      };
      call.on("data", (message) => results.enqueue(() => message));
      call.on("error", (error) => {
        if (open) results.enqueue(() => { throw error; });
        close();
      });
      call.on("end", close);
      signal?.addEventListener("abort", () => {
        call.cancel();
        close();
      });
    },
  });
}

export function grpcWeb(url, serviceName, format) {
  const service = services[serviceName];
  return {
    async unary(name, request, options) {
      const { input, output } = service.method[name];
      const descriptor = describe(service.method[name]);
      let response; // only an interceptor gets to see more than the message
      const keep = { intercept: async (call, invoke) => (response = await invoke(call)) };
      const client = new GrpcWebClientBase({ format, unaryInterceptors: [keep] });
      const message = await client.unaryCall(
        url + descriptor.getName(), fromJson(input, request), toMetadata(options), descriptor, { signal: options.signal },
      );
      return {
        message: toJson(output, message),
        initial: (key) => response.getMetadata()[key],
        trailing: (key) => response.getStatus().metadata[key],
      };
    },
    async *stream(name, request, options) {
      const { input, output } = service.method[name];
      const descriptor = describe(service.method[name]);
      const call = new GrpcWebClientBase({ format }).serverStreaming(
        url + descriptor.getName(), fromJson(input, request), toMetadata(options), descriptor,
      );
      for await (const result of resultsOf(call, options.signal)) yield toJson(output, result());
    },
    failure(error) {
      if (!(error instanceof RpcError)) throw error;
      const { code, message, metadata } = error;
      const status = metadata["grpc-status-details-bin"];
      return { code, message, details: status ? detailsFromBase64(status) : [] };
    },
  };
}
