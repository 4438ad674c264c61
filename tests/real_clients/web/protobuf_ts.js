// protobuf-ts's client and transport, the npm package `@protobuf-ts/grpcweb-transport`.

import { GrpcStatusCode, GrpcWebFetchTransport } from "@protobuf-ts/grpcweb-transport";
import { base64decode } from "@protobuf-ts/runtime";
import { RpcError } from "@protobuf-ts/runtime-rpc";
import { Any } from "generated/ts/google/protobuf/any";
import { BadRequest, ErrorInfo } from "generated/ts/google/rpc/error_details";
import { Status } from "generated/ts/google/rpc/status";
import { ActionService } from "generated/ts/zitadel/action/v3alpha/action_service";
import { ActionServiceClient } from "generated/ts/zitadel/action/v3alpha/action_service.client";
import { ErrorDetail } from "generated/ts/zitadel/v1/error_detail";

const typeRegistry = [BadRequest, ErrorDetail, ErrorInfo];

function detailsFromBase64(text) {
  const { details } = Status.fromBinary(base64decode(text));
  return details.map((detail) => Any.toJson(detail, { typeRegistry }));
}

export function protobufTs(url, options) {
  const client = new ActionServiceClient(new GrpcWebFetchTransport({ baseUrl: url, ...options }));
  return {
    async call(name, request, { headers, timeoutMs }) {
      const { I, O } = ActionService.methods.find(({ localName }) => localName === name);
      const { response } = await client[name](I.fromJson(request), { meta: headers, timeout: timeoutMs });
      return O.toJson(response);
    },
    failure(error) {
      if (!(error instanceof RpcError)) throw error;
      const { code, message, meta } = error;
      const status = meta["grpc-status-details-bin"];
      return { code: GrpcStatusCode[code], message, details: status ? detailsFromBase64(status) : [] };
    },
  };
}
