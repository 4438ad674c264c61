// The services that protobuf-es generated, and an error's details as proto3 JSON. All clients but protobuf-ts share
// them: Google's generator and nice-grpc's come as no npm packages that hold their programs alone.

import { createRegistry, fromBinary, toJson } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { base64Decode } from "@bufbuild/protobuf/wire";
import { Calls } from "generated/es/calls_pb.js";
import { file_google_rpc_error_details } from "generated/es/google/rpc/error_details_pb.js";
import { StatusSchema } from "generated/es/google/rpc/status_pb.js";
import { ActionService } from "generated/es/zitadel/action/v3alpha/action_service_pb.js";
import { file_zitadel_v1_error_detail } from "generated/es/zitadel/v1/error_detail_pb.js";

export const services = { ActionService, Calls };

export const registry = createRegistry(file_google_rpc_error_details, file_zitadel_v1_error_detail);

export function detailsFromBinary(bytes) {
  return fromBinary(StatusSchema, bytes).details.map((detail) => toJson(AnySchema, detail, { registry }));
}

export function detailsFromBase64(text) {
  return detailsFromBinary(base64Decode(text));
}
