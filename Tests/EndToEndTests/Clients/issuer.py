"""Another authorization server, made with joserfc: discovery, keys, introspection, and a way to mint what a test asks for.

Serves until it is killed; the first line of its output is its port."""

import base64
import http.server
import json
import sys
import time
import urllib.parse

from joserfc import jwk, jws

KEYS = {
    "ES256": jwk.ECKey.generate_key("P-256", {"kid": "ec-1", "use": "sig", "alg": "ES256"}),
    "RS256": jwk.RSAKey.generate_key(2048, {"kid": "rsa-1", "use": "sig", "alg": "RS256"}),
    "EdDSA": jwk.OKPKey.generate_key("Ed25519", {"kid": "ed-1", "use": "sig", "alg": "EdDSA"}),
}
CREDENTIALS = "Basic " + base64.b64encode(b"gateway:secret-of-the-gateway").decode()
OPAQUE = {}
counts = {"jwks": 0, "introspect": 0, "refused": 0}


def claims(issuer, changes):
    now = int(time.time())
    good = {
        "iss": issuer, "sub": "carol", "exp": now + 600, "iat": now, "jti": str(time.monotonic_ns()),
        "client_id": "an-agent", "scope": "mcp", "name": "Carol",
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def send(self, value, status=200):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @property
    def issuer(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def do_GET(self):
        if self.path == "/.well-known/openid-configuration":
            self.send({
                "issuer": self.issuer, "authorization_endpoint": self.issuer + "/authorize",
                "token_endpoint": self.issuer + "/token", "jwks_uri": self.issuer + "/jwks",
                "introspection_endpoint": self.issuer + "/introspect",
            })
        elif self.path == "/jwks":
            counts["jwks"] += 1
            self.send({"keys": [key.as_dict(private=False) for key in KEYS.values()]})
        elif self.path == "/counts":
            self.send(counts)
        else:
            self.send({}, 404)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.path == "/mint":
            job = json.loads(body)
            algorithm = job.get("alg", "ES256")
            header = {"alg": algorithm, "typ": "at+jwt", "kid": KEYS[algorithm].kid, **job.get("header", {})}
            payload = claims(self.issuer, job.get("claims", {}))
            registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
            token = jws.serialize_compact(header, json.dumps(payload), KEYS[algorithm], registry=registry)
            if job.get("opaque"):
                token = f"opaque-{len(OPAQUE)}-{payload['jti']}"
                OPAQUE[token] = payload
            self.send({"token": token})
        elif self.path == "/introspect":
            counts["introspect"] += 1
            if self.headers.get("Authorization") != CREDENTIALS:
                counts["refused"] += 1
                return self.send({"error": "invalid_client"}, 401)
            token = urllib.parse.parse_qs(body).get("token", [""])[0]
            self.send({"active": True, **OPAQUE[token]} if token in OPAQUE else {"active": False})
        elif self.path == "/revoke":
            OPAQUE.pop(json.loads(body)["token"], None)
            self.send({})
        else:
            self.send({}, 404)


server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
