"""A protected MCP server that does one thing wrong at each of its addresses /FAULT/mcp, with an authorization server of its
own at each. Only the standard library."""

import http.server
import itertools
import json
import queue
import sys

TOKEN = "Bearer open-sesame"
# The open streams of /events/mcp, by the number in the address for messages.
STREAMS = {}
NUMBERS = itertools.count()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def reply(self, status, body=None, fields=(), kind="application/json"):
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in fields:
            self.send_header(name, value)
        if content:
            self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def page(self, status=200):
        self.reply(status, b"<html>hello</html>", kind="text/html")

    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        content = self.rfile.read(length) if length else b""
        origin = "http://127.0.0.1:%d" % self.server.server_port
        path = self.path.split("?")[0]
        if self.headers.get("Authorization") == TOKEN and not path.endswith("/mcp"):
            print("the token came to", path, flush=True)
        well_known = "/.well-known/"
        if path.startswith(well_known + "oauth-protected-resource/"):
            return self.resource(path.split("/")[3], origin)
        if path.startswith(well_known + "oauth-authorization-server/"):
            return self.authority(path.split("/")[3], origin)
        if path.startswith(well_known):
            return self.reply(404)
        fault, _, place = path[1:].partition("/")
        if fault.startswith("events") and place in ("mcp", "messages"):
            return self.events(fault, place, content)
        if place == "mcp":
            return self.door(fault, origin, content)
        if place == "register":
            return self.register(fault, json.loads(content))
        if place == "authorize":
            return self.page() if fault != "refuses" else self.page(400)
        if place == "token":
            if fault == "token" or fault == "refresh" and b"grant_type=refresh_token" in content:
                return self.page(500)
            return self.reply(400, {"error": "invalid_grant"})
        return self.reply(404)

    def door(self, fault, origin, content):
        named = origin + "/.well-known/oauth-protected-resource/" + fault + "/mcp"
        challenge = [("WWW-Authenticate", 'Bearer resource_metadata="%s"' % named)]
        if self.command == "HEAD" and fault == "head":
            return self.reply(405)
        if fault == "open" or self.headers.get("Authorization") == TOKEN:
            return self.converse(fault, content)
        if fault == "forbidden":
            return self.reply(403)
        if fault == "moved":
            return self.reply(307, fields=[("Location", origin + "/good/mcp")])
        if fault == "dead":
            challenge = [("WWW-Authenticate", 'Bearer resource_metadata="%s/nowhere"' % origin)]
        return self.reply(401, {"error": "invalid_token"}, [] if fault == "mute" else challenge)

    def events(self, fault, place, content):
        """The transport of 2024-11-05, without a login."""
        if self.command == "POST" and place == "messages":
            answer = self.message(fault, json.loads(content))
            if answer is not None:
                STREAMS[int(self.path.split("session=")[1])].put(answer)
            return self.reply(202, b"Accepted", kind="text/plain")
        if self.command != "GET":
            return self.reply(405)
        number = next(NUMBERS)
        STREAMS[number] = queue.Queue()
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        there = "https://elsewhere.example" if fault == "eventsabroad" else ""
        text = "event: endpoint\ndata: %s/%s/messages?session=%d\n\n" % (there, fault, number)
        try:
            while True:
                self.wfile.write(text.encode())
                self.wfile.flush()
                text = "event: message\ndata: %s\n\n" % json.dumps(STREAMS[number].get(timeout=30))
        except (OSError, queue.Empty):
            pass

    def converse(self, fault, content):
        if self.command == "GET":
            return self.reply(404 if fault == "nostream" else 405)
        answer = self.message(fault, json.loads(content or b"{}"))
        return self.reply(202) if answer is None else self.reply(200, answer)

    def message(self, fault, message):
        if "id" not in message:
            return None
        method = message["method"]
        result = None
        if method == "initialize":
            version = "1999-01-01" if fault == "version" else message["params"]["protocolVersion"]
            able = {"lists": {"tools": {}, "prompts": {}, "resources": {}}, "notools": {}}.get(fault, {"tools": {}})
            result = {"protocolVersion": version, "capabilities": able,
                      "serverInfo": {"name": "door", "version": "1"}}
        elif method == "tools/list":
            name = "two words" if fault == "names" else "tool"
            schema = {} if fault == "schema" else {"type": "object"}
            result = {"tools": [{"name": name, "inputSchema": schema}]}
        elif method == "prompts/list" and fault == "lists":
            result = {"prompts": [{"name": "good"}, {"description": "nameless"}]}
        elif method == "tools/call":
            result = {"content": [{"type": "text", "text": "no"}], "isError": True}
        if result is None:
            error = {"code": -32601, "message": "\x1b[31mno such method"}
            return {"jsonrpc": "2.0", "id": message["id"], "error": error}
        return {"jsonrpc": "2.0", "id": message["id"], "result": result}

    def resource(self, fault, origin):
        if fault == "page":
            return self.page()
        if fault == "noresource":
            return self.reply(404)
        there = "https://elsewhere.example/mcp" if fault == "resource" else "%s/%s/mcp" % (origin, fault)
        if fault == "parent":
            there = "%s/%s" % (origin, fault)
        return self.reply(200, {"resource": there, "authorization_servers": ["%s/%s" % (origin, fault)]})

    def authority(self, fault, origin):
        base = "%s/%s" % (origin, fault)
        if fault == "error":
            return self.reply(500)
        if fault == "nometadata":
            return self.reply(404)
        document = {
            "issuer": base + "/" if fault == "issuer" else base, "authorization_endpoint": base + "/authorize",
            "token_endpoint": base + "/token", "registration_endpoint": base + "/register",
            "response_types_supported": ["code"], "code_challenge_methods_supported": ["S256"],
        }
        if fault == "pkce":
            document["code_challenge_methods_supported"] = ["plain"]
        if fault == "closed":
            del document["registration_endpoint"]
        if fault == "insecure":
            document["token_endpoint"] = "http://door.example/token"
        return self.reply(200, document)

    def register(self, fault, metadata):
        if fault == "uris" and any(uri.startswith("cursor:") for uri in metadata["redirect_uris"]):
            return self.reply(400, {"error": "invalid_redirect_uri", "error_description": "no such scheme"})
        answer = dict(metadata, client_id="client")
        if fault == "null":
            answer["logo_uri"] = None
        if fault == "removed":
            answer["registration_access_token"] = "t"
            answer["registration_client_uri"] = "http://127.0.0.1:%d/removed/gone" % self.server.server_port
        return self.reply(201, answer)

    def log_message(self, *arguments):
        print(self.command, self.path.split("?")[0], flush=True)

    do_GET = do_HEAD = do_POST = do_DELETE = do_OPTIONS = answer


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
