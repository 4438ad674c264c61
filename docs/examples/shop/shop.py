"""A service of grpcio that takes orders, at 127.0.0.1:50052 or at the address in SHOP."""

import os
from concurrent.futures import ThreadPoolExecutor

import grpc
import shop_pb2
import shop_pb2_grpc


class Shop(shop_pb2_grpc.ShopServicer):
    def Place(self, request, context):
        return shop_pb2.Receipt(text=f"{request.count} x {request.item}")


server = grpc.server(
    ThreadPoolExecutor(),
)
shop_pb2_grpc.add_ShopServicer_to_server(Shop(), server)
print("shop on port", server.add_insecure_port(os.environ.get("SHOP", "127.0.0.1:50052")), flush=True)
server.start()
server.wait_for_termination()
