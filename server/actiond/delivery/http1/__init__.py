"""An HTTP/1.1 client for POST requests: endpoints, connections that are kept alive, and bounded responses."""
