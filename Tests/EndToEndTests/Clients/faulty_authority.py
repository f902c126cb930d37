"""A certificate authority on a bad day: errors, nonsense, and connections that are cut. Only the standard library."""

import http.server
import json
import ssl
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    asked = 0

    def answer(self):
        kind = Handler.asked % 4
        Handler.asked += 1
        print(kind, flush=True)
        if kind == 3:
            self.connection.close()
            return
        body = [b'{"type": "urn:ietf:params:acme:error:serverInternal", "detail": "not today\\nforged line"}',
                b"<html>maintenance</html>", b'{"newNonce": 5, "newAccount": [], "newOrder": {}}'][kind]
        self.send_response([500, 200, 200][kind])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_HEAD = do_POST = answer

    def log_message(self, *arguments):
        pass


if __name__ == "__main__":
    port, certificate, key = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()
