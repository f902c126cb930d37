/// A server behind HTTP that behaves, and misbehaves on command: raw sockets of Python's standard library. Every request it
/// reads is a line of JSON in its log.
enum RemoteScript {
    static let server = #"""
        import base64, json, os, socket, ssl, struct, sys, threading, time
        port, log = int(sys.argv[1]), open(sys.argv[2], "a", buffering=1)
        options = sys.argv[3:]
        lock, sessions, streams, counts, state = threading.Lock(), {}, {}, {}, {"next": 0, "sent": 0, "begun": False, "tool": "echo", "prompt": "p", "resource": "r", "template": "t"}
        def note(entry):
            with lock: log.write(json.dumps(entry) + "\n")
        class Connection:
            def __init__(self, sock):
                self.sock, self.buffer, self.served = sock, b"", 0
            def read_until(self, mark):
                while mark not in self.buffer:
                    data = self.sock.recv(65536)
                    if not data: return None
                    self.buffer += data
                head, self.buffer = self.buffer.split(mark, 1)
                return head
            def read(self, count):
                while len(self.buffer) < count:
                    data = self.sock.recv(65536)
                    if not data: return None
                    self.buffer += data
                body, self.buffer = self.buffer[:count], self.buffer[count:]
                return body
            def write(self, data):
                if isinstance(data, str): data = data.encode()
                self.sock.sendall(data)
            def reset(self):
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.sock.shutdown(socket.SHUT_RD) # Wakes whoever reads: until then the socket stays open.
                self.sock.close()
                raise ConnectionError
            def end(self):
                self.sock.shutdown(socket.SHUT_RDWR)
                raise ConnectionError
            def respond(self, status, body="", fields=()):
                lines = ["HTTP/1.1 %d X" % status, "Content-Length: %d" % len(body.encode())] + list(fields)
                self.write("\r\n".join(lines) + "\r\n\r\n" + body)
            def json(self, message, fields=()):
                self.respond(200, json.dumps(message), ["Content-Type: application/json"] + list(fields))
            def events(self, fields=()):
                self.write("\r\n".join(["HTTP/1.1 200 OK", "Content-Type: text/event-stream", "Transfer-Encoding: chunked"] + list(fields)) + "\r\n\r\n")
            def chunk(self, text):
                data = text.encode()
                self.write(b"%x\r\n" % len(data) + data + b"\r\n")
            def event(self, message, id=None, retry=None):
                self.chunk(("id: %s\n" % id if id else "") + ("retry: %d\n" % retry if retry else "") + "data: " + (json.dumps(message) if message else "") + "\n\n")
            def finish(self): self.write("0\r\n\r\n")
        class Channel: # The stream of 2024-11-05, as what answers a request.
            def __init__(self, stream): self.stream, self.sock, self.served = stream, stream.sock, 1
            def json(self, message, fields=()): self.stream.event(message)
            def event(self, message, id=None, retry=None): self.stream.event(message)
            def events(self, fields=()): pass
            def finish(self): pass
            def chunk(self, text): self.stream.chunk(text)
            def write(self, data): self.stream.write(data)
            def respond(self, status, body="", fields=()): pass
            def reset(self): self.stream.reset()
            def end(self): self.stream.end()
        def result(request, value): return {"jsonrpc": "2.0", "id": request["id"], "result": value}
        def say(request, text): return result(request, {"content": [{"type": "text", "text": text}], "isError": False})
        def inform(method, params={}): return {"jsonrpc": "2.0", "method": method, "params": params}
        def call(c, request, fields, session):
            params = request["params"]
            mode, arguments, meta = params["name"], params.get("arguments", {}), params.get("_meta", {})
            with lock: counts[mode] = counts.get(mode, 0) + 1
            if mode == "echo": c.json(say(request, arguments.get("message", "")))
            elif mode == "headers": c.json(say(request, json.dumps(fields)))
            elif mode == "meta": c.json(say(request, json.dumps(meta)))
            elif mode == "count": c.json(say(request, str(counts.get(arguments["of"], 0))))
            elif mode == "sleep": time.sleep(arguments["seconds"]); c.json(say(request, "slept"))
            elif mode == "sent": c.json(say(request, str(state["sent"])))
            elif mode == "rst": c.reset()
            elif mode == "eof": c.end()
            elif mode == "dead-after": # Answers on a fresh connection, closes a used one without a word.
                if c.served > 1: c.end()
                c.json(say(request, "fresh"))
            elif mode in ("stream-rst", "stream-eof", "stream-half", "stream-hang", "stream-502"):
                c.events()
                c.event(inform("notifications/progress", {"progressToken": meta.get("progressToken"), "progress": 1}))
                if mode == "stream-hang":
                    try:
                        while c.sock.recv(65536): pass
                    except OSError: pass
                    note({"closed": mode})
                    raise ConnectionError
                time.sleep(arguments.get("after", 0.1))
                if mode == "stream-half": c.chunk("data: " + json.dumps(say(request, "half"))[:-1])
                if mode == "stream-502": c.write("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
                if mode == "stream-rst": c.reset()
                c.end()
            elif mode == "status":
                fields = ["Location: " + arguments["location"]] if "location" in arguments else []
                c.respond(arguments["status"], arguments.get("body", ""), fields)
            elif mode == "accepted": c.respond(202)
            elif mode == "code": c.json({"jsonrpc": "2.0", "id": request["id"], "error": {"code": arguments["code"], "message": "as told"}})
            elif mode == "raw": c.json({"jsonrpc": "2.0", "id": request["id"], "result": arguments["result"]})
            elif mode in ("mirror", "liar"): # As strict as 2026-07-28 has it.
                told = {name.lower(): value for name, value in fields if name.lower().startswith("mcp-param-")}
                region = arguments.get("region", "")
                if not region.isascii(): region = "=?base64?%s?=" % base64.b64encode(region.encode()).decode()
                if mode == "mirror" and told == {"mcp-param-region": region, "mcp-param-count": str(arguments.get("count"))}: return c.json(say(request, "mirrored"))
                c.respond(400, json.dumps({"jsonrpc": "2.0", "id": request["id"], "error": {"code": -32020, "message": "mismatch"}}), ["Content-Type: application/json"])
            elif mode == "html": c.respond(200, "<html>", ["Content-Type: text/html"])
            elif mode == "progress":
                c.events()
                for step in (1, 2, 3): c.event(inform("notifications/progress", {"progressToken": meta.get("progressToken"), "progress": step}))
                c.event(say(request, "done")); c.finish()
            elif mode == "log":
                c.events(); c.event(inform("notifications/message", {"level": "info", "data": "hello"}))
                c.event(say(request, "logged")); c.finish()
            elif mode == "flood":
                c.events()
                for _ in range(arguments["count"]):
                    c.event(inform("notifications/message", {"level": "info", "data": "n" * 1000}))
                    state["sent"] += 1000
                c.event(say(request, "flooded")); c.finish()
            elif mode == "huge":
                c.events(); c.chunk("data: " + "h" * (9 << 20) + "\n\n")
                c.event(say(request, "after")); c.finish()
            elif mode == "ask":
                answer = threading.Event()
                key = "q-%s" % request["id"]
                sessions[session]["questions"][key] = answer
                c.events(); c.event({"jsonrpc": "2.0", "id": key, "method": "elicitation/create", "params": {"message": "?"}})
                answer.wait(10)
                c.event(say(request, json.dumps(sessions[session].get(key)))); c.finish()
            elif mode == "resume":
                sessions[session]["resume"] = request
                c.events(); c.event(None, id="r1", retry=arguments.get("retry")); c.end()
            elif mode == "job": c.json(result(request, {"task": {"taskId": "t%d" % counts[mode], "status": "working"}}))
            elif mode == "become":
                state.update(arguments)
                c.json(say(request, "became"))
            elif mode == "forget":
                c.json(say(request, "forgotten"))
                sessions.clear()
            elif mode == "announce":
                for stream in list(streams.values()): stream.event(inform("notifications/tools/list_changed"))
                c.json(say(request, "announced"))
            else: c.json({"jsonrpc": "2.0", "id": request["id"], "error": {"code": -32602, "message": "no such tool"}})
        def shown(page): # With icons, of which some are none.
            if "icons" in options:
                own = ["http://127.0.0.1:%d/icon.%s" % (port, kind) for kind in ("png", "html", "svg", "big")]
                page["tools"][0]["icons"] = [{"src": src, "sizes": ["48x48"]} for src in own + ["https://elsewhere.example/x.png", "javascript:alert(1)", "data:image/png;base64,AAAA"]]
            return page
        def tools(request): return shown(listed(request))
        def listed(request):
            if "pages" not in options: return {"tools": [{"name": state["tool"], "inputSchema": {"type": "object"}}]}
            # In two pages, whose cursor is another one each time.
            if "cursor" in request.get("params", {}): return {"tools": [{"name": state["tool"], "inputSchema": {"type": "object"}}]}
            return {"tools": [{"name": "first", "inputSchema": {"type": "object"}}], "nextCursor": "c%d" % time.monotonic_ns()}
        def mirroring(page): # With arguments that are mirrored in header fields, rightly and wrongly.
            if "pages" in options: return page
            good = {"region": {"type": "string", "x-mcp-header": "Region"}, "count": {"type": "integer", "x-mcp-header": "Count"}, "none": {"type": "string", "x-mcp-header": "None"}}
            page["tools"].append({"name": "mirror", "inputSchema": {"type": "object", "properties": good}})
            page["tools"].append({"name": "broken", "inputSchema": {"type": "object", "properties": {"a": {"type": "string", "x-mcp-header": ""}}}})
            return page
        def other(method): # Lists that are not of tools.
            if method == "prompts/list": return {"prompts": [{"name": state["prompt"]}]}
            if method == "resources/list": return {"resources": [{"uri": "file:///" + state["resource"], "name": "r"}]}
            if method == "resources/templates/list": return {"resourceTemplates": [{"uriTemplate": "file:///%s/{x}" % state["template"], "name": "t"}]}
        def modern(c, request, fields): # 2026-07-28
            method = request.get("method")
            if method == "server/discover":
                if "deaf" in options and state["begun"]: time.sleep(600)
                sick = [option[5:] for option in options if option.startswith("sick=")]
                if sick and not os.path.exists(sys.argv[2] + ".well"):
                    if sick[0] == "reset": c.reset()
                    error = {"jsonrpc": "2.0", "id": request["id"], "error": {"code": -32603, "message": "sick"}}
                    return c.respond(int(sick[0][:3]), json.dumps(error) if "body" in sick[0] else "", ["Content-Type: application/json"])
                state["begun"] = True
                c.json(result(request, {"resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}, "prompts": {}, "resources": {}}, "ttlMs": 0, "cacheScope": "private"}))
            elif other(method): c.json(result(request, {"resultType": "complete", "ttlMs": 0, "cacheScope": "public", **other(method)}))
            elif method == "tools/list": c.json(result(request, {"resultType": "complete", "ttlMs": 0, "cacheScope": "public", **mirroring(tools(request))}))
            elif method == "tools/call": call(c, request, fields, None)
            elif method == "initialize": c.respond(400)
            else: c.json({"jsonrpc": "2.0", "id": request["id"], "error": {"code": -32601, "message": "no"}})
        def message(c, request, fields, session):
            method = request.get("method")
            if "modern" in options: return modern(c, request, fields)
            if method == "initialize":
                if "refuse" in options: return c.respond(401, "", ["WWW-Authenticate: Bearer"])
                if "once" in options and state["begun"]: return time.sleep(600)
                state["begun"] = True
                key = "s%d" % time.monotonic_ns()
                sessions[key] = {"questions": {}}
                wanted = request["params"]["protocolVersion"]
                known = ("2025-03-26", "2025-06-18", "2025-11-25")
                c.json(result(request, {"protocolVersion": wanted if wanted in known else known[-1], "capabilities": {"tools": {"listChanged": "mute" not in options}, "resources": {"subscribe": True}, "prompts": {}, "logging": {}, **({"tasks": {"list": {}, "cancel": {}, "requests": {"tools": {"call": {}}}}} if "tasks" in options else {})}, "serverInfo": {"name": "remote", "version": "1"}}), ["Mcp-Session-Id: " + key])
            elif session not in sessions: c.respond(404)
            elif method == "ping" and "deaf" in options: time.sleep(600)
            elif method == "tools/call": call(c, request, fields, session)
            elif method == "tools/list":
                with lock: counts["list"] = counts.get("list", 0) + 1
                if "flaky" in options and counts["list"] % 3: c.reset()
                c.json(result(request, tools(request)))
            elif other(method): c.json(result(request, other(method)))
            elif method in ("tasks/get", "tasks/cancel", "tasks/result") and "tasks" in options: c.json(result(request, {"taskId": request["params"]["taskId"], "status": "working"}))
            elif method in ("ping", "logging/setLevel", "resources/subscribe"): c.json(result(request, {}))
            elif method is None:
                event = sessions[session]["questions"].pop(request["id"], None)
                sessions[session][request["id"]] = request.get("result", request.get("error"))
                c.respond(202)
                if event: event.set()
            elif "id" in request: c.json({"jsonrpc": "2.0", "id": request["id"], "error": {"code": -32601, "message": "no"}})
            else: c.respond(202)
        def answer(stream, request, fields, key):
            try: message(Channel(stream), request, fields, key)
            except (ConnectionError, OSError): pass
        def serve(sock):
            try:
                for option in options:
                    if option.startswith("tls="):
                        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                        context.load_cert_chain(option[4:], option[4:] + ".key")
                        sock = context.wrap_socket(sock, server_side=True)
                c = Connection(sock)
                while True:
                    head = c.read_until(b"\r\n\r\n")
                    if head is None: return
                    lines = head.decode("utf-8", "surrogateescape").split("\r\n")
                    verb, target = lines[0].split(" ")[:2]
                    fields = [line.split(": ", 1) if ": " in line else [line.rstrip(":"), ""] for line in lines[1:]]
                    named = {name.lower(): value for name, value in fields}
                    body = c.read(int(named.get("content-length", 0)))
                    c.served += 1
                    note({"verb": verb, "target": target, "fields": fields, "body": body.decode(), "served": c.served})
                    session = named.get("mcp-session-id")
                    if "sse-only" in options:
                        if verb == "GET":
                            key = "c%d" % time.monotonic_ns()
                            sessions[key], streams[key] = {"questions": {}}, c
                            c.events()
                            where = [option for option in options if option.startswith("endpoint=")]
                            c.chunk("event: endpoint\ndata: %s?id=%s\n\n" % (where[0][9:] if where else "/messages", key))
                            while sock.recv(65536): pass
                            return
                        key = target.split("?id=")[-1]
                        if verb != "POST" or key not in sessions: c.respond(405); continue
                        c.respond(202)
                        threading.Thread(target=answer, args=(streams[key], json.loads(body), fields, key), daemon=True).start()
                        continue
                    if verb == "GET" and target.startswith("/icon."):
                        picture = b"\x89PNG\r\n\x1a\n" + b"x" * (1 << 20 if target.endswith("big") else 10)
                        data = {"/icon.html": b"<html>", "/icon.svg": b"<svg/>"}.get(target, picture)
                        c.write("HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n" % len(data))
                        c.write(data)
                        continue
                    if verb == "POST" and "sse-only" not in options: message(c, json.loads(body), fields, session)
                    elif verb == "GET" and "sse-only" not in options:
                        if session not in sessions: c.respond(404); continue
                        if named.get("last-event-id") == "r1":
                            c.events(); c.event(say(sessions[session]["resume"], "resumed"), id="r2"); c.finish(); continue
                        if "no-stream" in options: c.respond(405); continue
                        streams[session] = c
                        c.events()
                        while sock.recv(65536): pass
                        return
                    elif verb == "DELETE":
                        sessions.pop(session, None)
                        c.respond(200)
                    else: c.respond(405)
            except (ConnectionError, OSError, ValueError): pass
            finally:
                try: sock.close()
                except OSError: pass
        if "late" in options:
            note({"waiting": True})
            while not os.path.exists(sys.argv[2] + ".go"): time.sleep(0.005)
        listener = socket.create_server(("127.0.0.1", port), backlog=128, reuse_port=False)
        while True: threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
        """#
}
