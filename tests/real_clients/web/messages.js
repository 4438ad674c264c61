// The service that protobuf-es generated, and an error's details as proto3 JSON. Google's client and Connect's share
// them: the generator that goes with Google's comes as no npm package that holds its program.

import { createRegistry, fromBinary, toJson } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { base64Decode } from "@bufbuild/protobuf/wire";
import { file_google_rpc_error_details } from "generated/es/google/rpc/error_details_pb.js";
import { StatusSchema } from "generated/es/google/rpc/status_pb.js";
import { file_zitadel_v1_error_detail } from "generated/es/zitadel/v1/error_detail_pb.js";

export { ActionService } from "generated/es/zitadel/action/v3alpha/action_service_pb.js";

export const registry = createRegistry(file_google_rpc_error_details, file_zitadel_v1_error_detail);

export function detailsFromBase64(text) {
  const status = fromBinary(StatusSchema, base64Decode(text));
  return status.details.map((detail) => toJson(AnySchema, detail, { registry }));
}
