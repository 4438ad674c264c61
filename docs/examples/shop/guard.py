"""The target that decides about orders: python guard.py PORT."""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Guard(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        call = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        order = call["request"]
        if order["item"] == "poison":
            self.respond(500, {})  # the call fails
        elif order["item"] == "whisky":
            self.respond(200, {"forwardedStatusCode": 403, "forwardedErrorMessage": "not for minors"})
        else:
            self.respond(200, {"count": min(order["count"], 3)})  # nobody gets more than three

    def respond(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Guard)
print("guard on port", server.server_port, flush=True)
server.serve_forever()
