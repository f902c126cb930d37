extension Script {
    /// A legacy server that has everything a modern client may ask for; only Python's standard library. With the argument `roots`
    /// it asks for them as soon as it is ready.
    static let legacy = #"""
        import json, os, sys, threading, time
        lock = threading.Lock()
        seen, waiting, counter, client, jobs, when_listed = [], {}, [0], {}, {}, []
        def send(message):
            with lock:
                sys.stdout.write(json.dumps(message) + "\n")
                sys.stdout.flush()
        def result(request, value): send({"jsonrpc": "2.0", "id": request["id"], "result": value})
        def error(request, code, message, data=None):
            body = {"code": code, "message": message}
            if data is not None: body["data"] = data
            send({"jsonrpc": "2.0", "id": request["id"], "error": body})
        def note(method, params=None):
            message = {"jsonrpc": "2.0", "method": method}
            if params is not None: message["params"] = params
            send(message)
        def say(request, text): result(request, {"content": [{"type": "text", "text": text}]})
        def ask(method, params, then):
            counter[0] += 1
            waiting["s%d" % counter[0]] = then
            send({"jsonrpc": "2.0", "id": "s%d" % counter[0], "method": method, "params": params})
        def dumped(message): return json.dumps(message.get("result", message.get("error")))
        def later(seconds, action):
            timer = threading.Timer(seconds, action)
            timer.daemon = True
            timer.start()
        FORM = {"message": "Who?", "requestedSchema": {"type": "object", "properties": {"name": {"type": "string"}}}}
        SAMPLE = {"messages": [{"role": "user", "content": {"type": "text", "text": "?"}}], "maxTokens": 5}
        def call(request):
            params = request["params"]
            mode, arguments, meta = params["name"], params.get("arguments", {}), params.get("_meta", {})
            if mode == "echo": say(request, arguments.get("message", ""))
            elif mode == "params": say(request, json.dumps(params))
            elif mode == "seen": say(request, json.dumps(seen))
            elif mode == "client": say(request, json.dumps(client))
            elif mode == "pid": say(request, str(os.getpid()))
            elif mode == "hang": pass
            elif mode == "exit": os._exit(3)
            elif mode == "sleep": later(arguments["seconds"], lambda: say(request, "slept"))
            elif mode == "progress":
                for step in arguments.get("steps", (1, 2)): note("notifications/progress", {"progressToken": meta.get("progressToken"), "progress": step})
                say(request, "done")
            elif mode == "log":
                for level in ("debug", "warning"): note("notifications/message", {"level": level, "data": level})
                later(0.1, lambda: say(request, "logged"))
            elif mode == "elicit": ask("elicitation/create", FORM, lambda answer: say(request, arguments.get("for", "") + dumped(answer)))
            elif mode == "two":
                answers = {}
                def answered(name):
                    def take(answer):
                        answers[name] = answer.get("result", answer.get("error"))
                        if len(answers) == 2: say(request, json.dumps(answers, sort_keys=True))
                    return take
                ask("elicitation/create", FORM, answered("form"))
                ask("sampling/createMessage", SAMPLE, answered("sample"))
            elif mode == "needy":
                def fail(answer):
                    if "result" in answer: say(request, "fine")
                    elif arguments["failing"] == "error": error(request, -32603, "cannot go on")
                    else: result(request, {"content": [{"type": "text", "text": "cannot go on"}], "isError": True})
                ask(arguments["method"], arguments.get("params", FORM), fail)
            elif mode == "many":
                answers, refused = [], []
                def took(answer):
                    if "error" in answer: refused.append(answer["error"]["code"])
                    else: answers.append(answer)
                    if len(answers) + len(refused) == arguments["count"]: say(request, "%d answers, refused: %s" % (len(answers), refused))
                for _ in range(arguments["count"]): ask("elicitation/create", FORM, took)
            elif mode == "ask": ask(arguments["method"], arguments.get("params", {}), lambda answer: say(request, dumped(answer)))
            elif mode == "result": result(request, arguments["value"])
            elif mode == "fail": send({"jsonrpc": "2.0", "id": request["id"], "error": arguments["error"]})
            elif mode == "batch": send([{"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": meta.get("progressToken"), "progress": 1}},
                {"jsonrpc": "2.0", "id": request["id"], "result": {"content": [{"type": "text", "text": "together"}]}}])
            elif mode == "parked":
                ask("elicitation/create", FORM, lambda one: ask("roots/list", {}, lambda two: say(request, dumped(one))))
                when_listed.append(lambda: [note("notifications/progress", {"progressToken": meta.get("progressToken"), "progress": step}) for step in (1, 2)])
            elif mode == "reporting":
                def report(answer):
                    note("notifications/progress", {"progressToken": meta.get("progressToken"), "progress": 1})
                    say(request, dumped(answer))
                ask("elicitation/create", FORM, report)
            elif mode == "withdrawn":
                ask("elicitation/create", FORM, lambda answer: seen.append("answered"))
                when_listed.append(lambda: note("notifications/cancelled", {"requestId": "s%d" % counter[0]}))
                when_listed.append(lambda: say(request, "without you"))
            elif mode == "three":
                for method, params in (("elicitation/create", FORM), ("sampling/createMessage", SAMPLE), ("roots/list", {})): ask(method, params, lambda answer: seen.append(dumped(answer)))
            elif mode == "again":
                ask("elicitation/create", FORM, lambda one: ask("roots/list", {}, lambda two: say(request, dumped(one) + dumped(two))))
            elif mode == "job":
                if "task" not in params: return error(request, -32601, "only as a task")
                id = "t%d" % len(jobs)
                jobs[id] = (arguments, meta.get("progressToken"))
                result(request, {"task": {"taskId": id, "status": "working", "createdAt": "2026-11-21T00:00:00Z", "lastUpdatedAt": "2026-11-21T00:00:00Z", "ttl": None, "pollInterval": 50}})
                note("notifications/tasks/status", {"taskId": id, "status": "working"})
            elif mode == "impatient":
                ask("elicitation/create", FORM, lambda answer: seen.append("heard " + dumped(answer)))
                later(arguments.get("after", 0.2), lambda: (say(request, "went on"), seen.append("went on")))
            elif mode == "url":
                if seen.count("url") == 0: error(request, -32042, "open this", {"elicitations": [{"mode": "url", "elicitationId": "e", "url": "https://example.com/x", "message": "Open"}]})
                else: say(request, "opened")
                seen.append("url")
            elif mode == "code": error(request, arguments["code"], "as told")
            elif mode == "announce":
                note("notifications/elicitation/complete", {"elicitationId": "e"})
                for method in ("tools", "prompts", "resources"): note("notifications/%s/list_changed" % method)
                for uri in arguments.get("updated", []): note("notifications/resources/updated", {"uri": uri})
                say(request, "announced")
            elif mode == "late-ask":
                say(request, "soon")
                later(0.05, lambda: ask("elicitation/create", FORM, lambda answer: seen.append(answer.get("error"))))
            else: error(request, -32602, "Unknown tool")
        def end(request):
            id = request["params"]["taskId"]
            arguments, token = jobs[id]
            related = {"io.modelcontextprotocol/related-task": {"taskId": id}}
            done = lambda text: result(request, {"content": [{"type": "text", "text": text}], "_meta": related})
            if "hang" in arguments: return seen.append("waits for " + id)
            if "code" in arguments: return error(request, arguments["code"], "job failed")
            if token is not None: note("notifications/progress", {"progressToken": token, "progress": 1})
            if "ask" in arguments: ask("elicitation/create", {**FORM, "_meta": related}, lambda answer: done(dumped(answer)))
            else: done("job done")
        TOOLS = [
            {"name": "echo", "inputSchema": {"type": "object", "properties": {"message": {"type": "string"}}}},
            {"name": "params", "inputSchema": {"type": "object", "properties": {"region": {"type": "string", "x-mcp-header": "Region"}, "count": {"type": "integer", "x-mcp-header": "Count"}}}},
            {"name": "broken", "inputSchema": {"type": "object", "properties": {"a": {"type": "number", "x-mcp-header": "A"}}}},
            {"name": "job", "inputSchema": {"type": "object"}, "execution": {"taskSupport": "required"}},
            {"name": "client", "inputSchema": {"type": "object"}, "execution": {"taskSupport": "optional", "kept": 1}},
        ]
        for line in sys.stdin:
            message = json.loads(line)
            method = message.get("method")
            if method == "initialize":
                client.update(message["params"])
                result(message, {"protocolVersion": message["params"]["protocolVersion"], "instructions": "Be kind.",
                    "capabilities": {"tools": {"listChanged": True}, "resources": {"subscribe": True}, "prompts": {}, "logging": {}, "tasks": {"list": {}, "cancel": {}, "requests": {"tools": {"call": {}}}}},
                    "serverInfo": {"name": "legacy", "version": "7"}})
            elif method == "tools/call": call(message)
            elif method == "tools/list": result(message, {"tools": TOOLS})
            elif method == "prompts/list":
                for action in when_listed: action()
                when_listed.clear()
                result(message, {"prompts": [{"name": json.dumps(seen)}], "nextCursor": ""})
            elif method == "resources/list": result(message, {"resources": []})
            elif method == "resources/read": error(message, -32002, "Resource not found", {"uri": message["params"]["uri"]})
            elif method == "tasks/result": end(message)
            elif method == "tasks/cancel":
                seen.append("cancelled " + message["params"]["taskId"])
                result(message, {})
            elif method == "prompts/get": ask("elicitation/create", FORM, lambda answer, m=message: result(m, {"messages": [], "description": dumped(answer)}))
            elif method in ("resources/subscribe", "resources/unsubscribe", "logging/setLevel"):
                seen.append({"method": method, "params": message["params"]})
                if message["params"].get("uri") == "file:///refused": error(message, -32602, "no")
                else: result(message, {})
            elif method is None:
                if message["id"] in waiting: waiting.pop(message["id"])(message)
            elif "id" in message: error(message, -32601, "no")
            elif method == "notifications/initialized" and "roots" in sys.argv: ask("roots/list", {}, lambda answer: seen.append("roots " + dumped(answer)))
            else: seen.append({"method": method, "params": message.get("params", {})})
        """#
}
