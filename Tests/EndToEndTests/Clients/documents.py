"""Publishes client metadata documents over https: good ones, and every bad way that a publisher may answer.

`documents.py PORT CERTIFICATE KEY`. `/count` answers how often each path was asked for.
"""

import collections
import gzip
import http.server
import json
import ssl
import sys
import threading
import time

PORT = int(sys.argv[1])
ORIGIN = f"https://localhost:{PORT}"
COUNT = collections.Counter()
LOCK = threading.Lock()


def document(path, **changes):
    value = {
        "client_id": ORIGIN + path, "client_name": "Claude", "redirect_uris": ["http://127.0.0.1:9/callback"],
        "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    }
    value.update(changes)
    return json.dumps({name: item for name, item in value.items() if item is not None}).encode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def answer(self, body, status=200, kind="application/json", **fields):
        self.send_response(status)
        if kind:
            self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        path = self.path
        if path == "/count":
            return self.answer(json.dumps(COUNT).encode())
        with LOCK:
            COUNT[path] += 1
        hostile = getattr(self, path.removeprefix("/hostile/").replace("-", "_"), None)
        if path.startswith("/hostile/") and hostile:
            return hostile(path)
        if path.startswith("/good/"):
            return self.answer(document(path), Cache_Control="max-age=300")
        self.answer(b"{}", 404)

    # Each of these is refused.
    def redirect(self, path):
        self.answer(b"", 302, Location=ORIGIN + "/target/of/redirects")

    def moved(self, path):
        self.answer(document(path), 301, Location=ORIGIN + "/target/of/redirects")

    def permanent(self, path):
        self.answer(b"", 308, Location="https://169.254.169.254/latest")

    def missing(self, path):
        self.answer(document(path), 404)

    def gone(self, path):
        self.answer(document(path), 410)

    def forbidden(self, path):
        self.answer(document(path), 403)

    def failing(self, path):
        self.answer(document(path), 500)

    def unavailable(self, path):
        self.answer(document(path), 503)

    def created(self, path):
        self.answer(document(path), 201)

    def no_content(self, path):
        self.send_response(204)
        self.end_headers()

    def html(self, path):
        self.answer(document(path), kind="text/html")

    def plain(self, path):
        self.answer(document(path), kind="text/plain")

    def untyped(self, path):
        self.answer(document(path), kind=None)

    def large(self, path):
        self.answer(document(path, x="y" * 6000))

    def endless(self, path):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"400\r\n" + b" " * 1024 + b"\r\n")
        except OSError:
            pass

    def slow(self, path):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "4000")
        self.end_headers()
        try:
            for _ in range(60):
                self.wfile.write(b" ")
                self.wfile.flush()
                time.sleep(0.5)
        except OSError:
            pass

    def silent(self, path):
        time.sleep(20)

    def cut(self, path):
        body = document(path)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body) + 10))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def compressed(self, path):
        self.answer(gzip.compress(document(path)), Content_Encoding="gzip")

    def another_identity(self, path):
        self.answer(document("/good/claude.json"))

    def duplicate(self, path):
        self.answer(b'{"client_id":"x",' + document(path)[1:])

    def secret(self, path):
        self.answer(document(path, client_secret="x"))

    def shared(self, path):
        self.answer(document(path, token_endpoint_auth_method="client_secret_basic"))

    def deep(self, path):
        self.answer(document(path)[:-1] + b',"x":' + b"[" * 40 + b"]" * 40 + b"}")

    def nameless(self, path):
        self.answer(document(path, client_name=None))

    def scripted(self, path):
        self.answer(document(path, redirect_uris=["javascript:alert(1)"]))


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


server = Server(("127.0.0.1", PORT), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2], sys.argv[3])
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
print("ready", flush=True)
server.serve_forever()
