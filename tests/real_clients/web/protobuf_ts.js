// protobuf-ts's client and transport, the npm package `@protobuf-ts/grpcweb-transport`.

import { GrpcStatusCode, GrpcWebFetchTransport } from "@protobuf-ts/grpcweb-transport";
import { base64decode } from "@protobuf-ts/runtime";
import { RpcError } from "@protobuf-ts/runtime-rpc";
import { Calls } from "generated/ts/calls";
import { CallsClient } from "generated/ts/calls.client";
import { Any } from "generated/ts/google/protobuf/any";
import { BadRequest, ErrorInfo } from "generated/ts/google/rpc/error_details";
import { Status } from "generated/ts/google/rpc/status";
import { ActionService } from "generated/ts/zitadel/action/v3alpha/action_service";
import { ActionServiceClient } from "generated/ts/zitadel/action/v3alpha/action_service.client";
import { ErrorDetail } from "generated/ts/zitadel/v1/error_detail";

const services = {
  ActionService: { Client: ActionServiceClient, methods: ActionService.methods },
  Calls: { Client: CallsClient, methods: Calls.methods },
};
const typeRegistry = [BadRequest, ErrorDetail, ErrorInfo];

function detailsFromBase64(text) {
  const { details } = Status.fromBinary(base64decode(text));
  return details.map((detail) => Any.toJson(detail, { typeRegistry }));
}

export function protobufTs(url, serviceName, options) {
  const { Client, methods } = services[serviceName];
  const client = new Client(new GrpcWebFetchTransport({ baseUrl: url, ...options }));
  const typesOf = (name) => methods.find(({ localName }) => localName === name);
  const toOptions = ({ metadata, timeoutMs, signal }) => ({ meta: metadata, timeout: timeoutMs, abort: signal });
  return {
    async unary(name, request, options) {
      const { I, O } = typesOf(name);
      const { response, headers, trailers } = await client[name](I.fromJson(request), toOptions(options));
      return { message: O.toJson(response), initial: (key) => headers[key], trailing: (key) => trailers[key] };
    },
    async *stream(name, request, options) {
      const { I, O } = typesOf(name);
      for await (const message of client[name](I.fromJson(request), toOptions(options)).responses) yield O.toJson(message);
    },
    failure(error) {
      if (!(error instanceof RpcError)) throw error;
      const { code, message, meta } = error;
      const status = meta["grpc-status-details-bin"];
      return { code: GrpcStatusCode[code], message, details: status ? detailsFromBase64(status) : [] };
    },
  };
}
