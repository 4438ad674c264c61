"""Server reflection: the services `grpc.reflection.v1` and `v1alpha`."""
