"""Binds a target to the shop's orders: python gate.py URL."""

import os
import sys

import grpc
from actiond.client import Client
from actiond_protos.zitadel.action.v3alpha.action_service_pb2 import CreateTargetRequest, SetExecutionRequest
from actiond_protos.zitadel.action.v3alpha.execution_pb2 import Condition, ExecutionTargetType, RequestExecution
from actiond_protos.zitadel.action.v3alpha.target_pb2 import SetRESTCall
from google.protobuf.duration_pb2 import Duration

with grpc.insecure_channel(os.environ["ACTIOND"]) as channel:
    actiond = Client(channel, token=os.environ["TOKEN"])
    target = actiond.actions.create_target(
        CreateTargetRequest(
            name="guard",
            rest_call=SetRESTCall(interrupt_on_error=True),
            timeout=Duration(seconds=5),
            endpoint=sys.argv[1],
        )
    )
    actiond.actions.set_execution(
        SetExecutionRequest(
            condition=Condition(request=RequestExecution(method="/shop.v1.Shop/Place")),
            targets=[ExecutionTargetType(target=target.id)],
        )
    )
