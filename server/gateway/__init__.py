"""Serves any grpcio servicer as gRPC, gRPC-Web and JSON over HTTP. Knows nothing of targets, stores or processes."""
