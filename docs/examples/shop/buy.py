"""Places an order: python buy.py ITEM COUNT."""

import os
import sys

import grpc
import shop_pb2
import shop_pb2_grpc
from actiond.client import problem_of

with grpc.insecure_channel(os.environ.get("SHOP", "127.0.0.1:50052")) as channel:
    shop = shop_pb2_grpc.ShopStub(channel)
    try:
        print(shop.Place(shop_pb2.Order(item=sys.argv[1], count=int(sys.argv[2])), timeout=10).text)
    except grpc.RpcError as error:
        problem = problem_of(error)
        print(problem.code.name, problem.reason, problem.message)
