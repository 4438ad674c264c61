"""JSON over HTTP by google.api.http: strings and descriptors in, messages out. No sockets."""
