"""The HTTP/1.1 and HTTP/2 server in the event loop: every protocol on one port."""
