// The clients, by the names that the tests and docs/browsers.md know.
//
// Each makes, of an API's address and a service's name, the one object that the cases are written against:
//   unary(method, request, options)   a promise of {message, initial(name), trailing(name)}: the two look up metadata
//   stream(method, request, options)  an async iterable of messages
//   failure(error)                    {code, message, details} of an error of its library's own type; throws every other
// Requests, messages and details are proto3 JSON. Options are {metadata, timeoutMs, signal}; metadata goes to the
// library, and comes from it, as it is.

import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import { connectWeb } from "./connect_web.js";
import { grpcWeb } from "./grpc_web.js";
import { niceGrpcWeb } from "./nice_grpc_web.js";
import { protobufTs } from "./protobuf_ts.js";

const overGrpcWeb = (useBinaryFormat) => (baseUrl, service) =>
  connectWeb(createGrpcWebTransport({ baseUrl, useBinaryFormat }), service);
const overConnect = (useBinaryFormat) => (baseUrl, service) =>
  connectWeb(createConnectTransport({ baseUrl, useBinaryFormat }), service);

export const clients = {
  "grpc-web text": (url, service) => grpcWeb(url, service, "text"),
  "grpc-web binary": (url, service) => grpcWeb(url, service, "binary"),
  "connect-web gRPC-Web": overGrpcWeb(true),
  "connect-web Connect JSON": overConnect(false),
  "connect-web Connect binary": overConnect(true),
  // Text is its default: nothing is asked for, so that a change of the default is seen.
  "protobuf-ts text": (url, service) => protobufTs(url, service, {}),
  "protobuf-ts binary": (url, service) => protobufTs(url, service, { format: "binary" }),
  "nice-grpc-web": niceGrpcWeb,
  // `application/grpc-web+json`, which no other client speaks, and which the server refuses.
  "connect-web gRPC-Web JSON": overGrpcWeb(false),
};
