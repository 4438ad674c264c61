// Google's own client, the npm package `grpc-web`.

import { fromBinary, fromJson, toBinary, toJson } from "@bufbuild/protobuf";
import { GrpcWebClientBase, MethodDescriptor, MethodType, RpcError } from "grpc-web";
import { ActionService, detailsFromBase64 } from "./messages.js";

// What Google's generator writes for a unary method.
function describe({ name, input, output }) {
  const path = `/${ActionService.typeName}/${name}`;
  const serialize = (request) => toBinary(input, request);
  const deserialize = (bytes) => fromBinary(output, bytes);
  return new MethodDescriptor(path, MethodType.UNARY, Object, Object, serialize, deserialize);
}

export function grpcWeb(url, format) {
  const client = new GrpcWebClientBase({ format });
  return {
    async call(name, request, { headers, timeoutMs }) {
      const method = ActionService.method[name];
      const descriptor = describe(method);
      const metadata = { ...headers, deadline: String(Date.now() + timeoutMs) };
      const message = fromJson(method.input, request);
      return toJson(method.output, await client.unaryCall(url + descriptor.getName(), message, metadata, descriptor));
    },
    failure(error) {
      if (!(error instanceof RpcError)) throw error;
      const { code, message, metadata } = error;
      const status = metadata["grpc-status-details-bin"];
      return { code, message, details: status ? detailsFromBase64(status) : [] };
    },
  };
}
