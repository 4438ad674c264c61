"""actiond: keeps targets and runs executions, served as gRPC, gRPC-Web and JSON from one process."""

__version__ = "0.1.0"
