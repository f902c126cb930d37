#!/usr/bin/env python3
"""An OpenID provider that publishes whatever discovery documents it is told to, each for an issuer of its own: `/ID`.

Its token endpoint answers every code with a token of a made-up key, so that whoever believes it looks for that key.
Each request is a line of its output.
"""
import base64
import http.server
import json
import sys


def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


with open(sys.argv[2]) as file:
    documents = json.load(file)
id_token = ".".join([part({"alg": "ES256", "kid": "made-up"}), part({"sub": "x"}), "AAAA"])


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        print(self.command, self.path, flush=True)
        name, _, rest = self.path[1:].partition("/")
        body, status = {}, 404
        if rest == ".well-known/openid-configuration" and name in documents:
            body, status = documents[name], 200
        elif rest == "token":
            body, status = {"access_token": "a", "token_type": "Bearer", "id_token": id_token}, 200
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = answer


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
