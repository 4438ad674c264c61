"""The protocols over HTTP, each an Edge: JSON by google.api.http, gRPC-Web, Connect."""
