extension Script {
    /// A server that speaks 2026-07-28 and nothing else, strictly: what no modern client sends is remembered as a fault. Its
    /// argument is JSON: `openings`, a file to which it writes how it was opened; `initialize`, what becomes of a handshake
    /// (`error`, `exit`, `silent`); `discover`, what becomes of `server/discover` (an error's code, `exit`, `silent`, `late`,
    /// a list of versions); `deaf` and `shy`, whether and how often it refuses to be listened to; `mute`, whether it says nothing to
    /// that, and `hesitates`, after how many seconds it does; `tools`, what it lists beside two of its tools; `given`, members of
    /// its answer to `resources/read` of `file:///given`; `plain`, that it has no extensions.
    static let modern = #"""
        import json, os, sys, threading, time
        lock = threading.Lock()
        options = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
        seen, faults, cancelled, listens, opened = [], [], [], {}, [0]
        jobs, heard = {}, []
        K = "io.modelcontextprotocol/"
        INFO = {"name": "modern", "version": "9"}
        CAPABILITIES = {"tools": {"listChanged": True}, "resources": {"subscribe": True, "listChanged": True}, "prompts": {}, "logging": {},
            "completions": {}, "extensions": {K + "tasks": {}, "com.example/x": {"a": 1}}}
        if options.get("plain"): del CAPABILITIES["extensions"]
        def send(message):
            with lock:
                sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
                sys.stdout.flush()
        def result(request, value, **more):
            send({"id": request["id"], "result": {"resultType": "complete", "_meta": {K + "serverInfo": INFO, "kept": 1}, **more, **value}})
        def error(request, code, message, data=None):
            body = {"code": code, "message": message}
            if data is not None: body["data"] = data
            send({"id": request["id"], "error": body})
        def note(method, params): send({"method": method, "params": params})
        def say(request, text, **more): result(request, {"content": [{"type": "text", "text": text}], **more})
        def ask(request, questions, state="st\u00e9\"ate/\\"):
            value = {"resultType": "input_required"}
            if questions is not None: value["inputRequests"] = questions
            if state is not None: value["requestState"] = state
            send({"id": request["id"], "result": value})
        def later(seconds, action):
            timer = threading.Timer(seconds, action)
            timer.daemon = True
            timer.start()
        FORM = {"method": "elicitation/create", "params": {"mode": "form", "message": "Who?", "requestedSchema": {"type": "object", "properties": {
            "name": {"type": "string"}, "size": {"type": "string", "oneOf": [{"const": "s", "title": "Small"}, {"const": "l", "title": "Large"}]}}}}}
        MANY = {"method": "elicitation/create", "params": {"message": "Which?", "requestedSchema": {"type": "object", "properties": {
            "all": {"type": "array", "items": {"anyOf": [{"const": "a", "title": "A"}]}}}}}}
        URL = {"method": "elicitation/create", "params": {"mode": "url", "message": "Open", "url": "https://example.com/x"}}
        SECRET = {"method": "elicitation/create", "params": {"message": "?", "requestedSchema": {"type": "object", "properties": {"password": {"type": "string"}}}}}
        SAMPLE = {"method": "sampling/createMessage", "params": {"messages": [{"role": "user", "content": {"type": "text", "text": "?"}}], "maxTokens": 5}}
        ROOTS = {"method": "roots/list"}
        def call(request):
            params = request["params"]
            mode, arguments, meta = params["name"], params.get("arguments", {}), params["_meta"]
            state, answers = params.get("requestState"), params.get("inputResponses")
            if mode == "echo": say(request, arguments.get("message", ""))
            elif mode == "params": say(request, json.dumps(params))
            elif mode == "seen": say(request, json.dumps({"seen": seen, "faults": faults, "cancelled": cancelled, "listens": list(listens.values()), "heard": heard}))
            elif mode == "pid": say(request, str(os.getpid()))
            elif mode == "hang": pass
            elif mode == "exit": os._exit(3)
            elif mode == "progress":
                for step in (1, 2, 2, 1): note("notifications/progress", {"progressToken": meta.get("progressToken"), "progress": step})
                say(request, "done")
            elif mode == "log":
                for level in ("debug", "warning"): note("notifications/message", {"level": level, "data": level})
                say(request, "logged %s" % meta.get(K + "logLevel"))
            elif mode in ("elicit", "many", "sample", "roots", "url"):
                question = {"elicit": FORM, "many": MANY, "sample": SAMPLE, "roots": ROOTS, "url": URL}[mode]
                if answers is None: ask(request, {"k/1": question})
                else: say(request, json.dumps({"answers": answers, "state": state}))
            elif mode == "two":
                if answers is None: ask(request, {"form": FORM, "sample": SAMPLE}, state=None)
                else: say(request, json.dumps(answers, sort_keys=True) + str(state))
            elif mode == "again":
                if answers is None: ask(request, {"one": FORM}, state="1")
                elif state == "1": ask(request, {"two": ROOTS}, state="2")
                else: say(request, json.dumps([answers, state]))
            elif mode == "patience":
                opened[0] += 1
                if opened[0] < 4: ask(request, None, state="n%d" % opened[0])
                else: say(request, "at last %s" % state)
            elif mode == "waiting":
                opened[0] += 1
                if opened[0] < 4: ask(request, {"u": URL})
                else: say(request, "opened %s" % json.dumps(answers))
            elif mode == "forever": ask(request, {"again": FORM})
            elif mode == "odd": send({"id": request["id"], "result": arguments["result"]})
            elif mode == "raw": result(request, arguments["result"])
            elif mode == "code": error(request, arguments["code"], "as told", arguments.get("data"))
            elif mode == "write":
                with lock:
                    sys.stdout.write(arguments["line"] + "\n")
                    sys.stdout.flush()
                say(request, "written")
            elif mode == "job":
                if K + "tasks" not in meta[K + "clientCapabilities"].get("extensions", {}) and "rude" not in arguments:
                    return error(request, -32021, "tasks", {"requiredCapabilities": {"extensions": {K + "tasks": {}}}})
                id = "job/%d" % (len(jobs) + 1)
                jobs[id] = {"status": "working", "looks": 1, "asks": [], "end": "completed", "answers": {}, **arguments}
                send({"id": request["id"], "result": {"resultType": "task", **job(id)}})
                if "gone" in arguments: del jobs[id]
            elif mode == "confused":
                note("notifications/cancelled", {"requestId": request["id"]})
                note("notifications/tools/list_changed", {"_meta": {K + "subscriptionId": request["id"]}})
                say(request, "not cancelled")
            elif mode == "forge":
                send({"id": meta["progressToken"], "result": {"content": [{"type": "text", "text": "forged"}]}})
                say(request, "true")
            elif mode == "announce":
                for id in listens:
                    for method in ("tools", "prompts", "resources"): note("notifications/%s/list_changed" % method, {"_meta": {K + "subscriptionId": id}})
                    for uri in arguments.get("updated", []): note("notifications/resources/updated", {"_meta": {K + "subscriptionId": id, "kept": 2}, "uri": uri})
                    if "taskIds" in listens[id]:
                        for name in jobs: note("notifications/tasks", {"_meta": {K + "subscriptionId": id}, **job(name)})
                note("notifications/tools/list_changed", {})
                note("notifications/tools/list_changed", {"_meta": {K + "subscriptionId": 12345}})
                say(request, "announced")
            elif mode == "end":
                for id in list(listens):
                    del listens[id]
                    if arguments.get("how") != "cancelled": send({"id": id, "result": {"resultType": "complete", "_meta": {K + "subscriptionId": id}}})
                    if arguments.get("how") != "result": note("notifications/cancelled", {"requestId": id})
                say(request, "ended")
            else: error(request, -32602, "Unknown tool")
        TOOLS = [
            {"name": "echo", "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": True}, "outputSchema": {"type": "object"}},
            {"name": "raw", "inputSchema": {"type": "object"}, "outputSchema": {"$defs": {"n": {"type": "number"}}, "type": "array", "items": {"$ref": "#/$defs/n"}}},
        ] + [{"name": name, "inputSchema": {"type": "object"}} for name in options.get("tools", [])]
        def job(id):
            job = jobs[id]
            value = {"taskId": id, "status": job["status"], "createdAt": "2026-11-21T00:00:00Z", "lastUpdatedAt": "2026-11-21T00:00:00Z", "ttlMs": None, "pollIntervalMs": job.get("interval", 50)}
            if job["status"] == "input_required": value["inputRequests"] = {key: {"form": FORM, "sample": SAMPLE, "url": URL, "secret": SECRET}[key] for key in job["asks"]}
            if job["status"] == "completed": value["result"] = {"content": [{"type": "text", "text": json.dumps(job["answers"], sort_keys=True)}]}
            if job["status"] == "failed": value["error"] = {"code": -32602, "message": "job failed"}
            return value
        def follow(request, method, params):
            id = params.get("taskId")
            heard.append([method, id])
            if id not in jobs: return error(request, -32602, "Task not found: %s" % id)
            it = jobs[id]
            if method == "tasks/get":
                if it["status"] == "working":
                    it["looks"] -= 1
                elif it["asks"] and set(it["asks"]) <= set(it["answers"]):
                    # Answered, and asked all the same, once.
                    if it.pop("sticky", None) is None: it["status"], it["asks"] = it["end"], []
                if it["status"] == "working":
                    if it["looks"] <= 0: it["status"] = "input_required" if it["asks"] else it["end"]
                return result(request, job(id))
            if method == "tasks/cancel": it["status"] = "cancelled"
            for key, answer in params.get("inputResponses", {}).items():
                if key in it["asks"]:
                    if "sticky" not in it: it["asks"].remove(key)
                    it["answers"][key] = answer
            if method == "tasks/update" and not it["asks"]: it["status"] = "working"
            result(request, {})
        def listen(request):
            id, wanted = request["id"], request["params"]["notifications"]
            kept = {k: v for k, v in wanted.items() if k != "resourceSubscriptions"}
            if "resourceSubscriptions" in wanted:
                kept["resourceSubscriptions"] = [u for u in wanted["resourceSubscriptions"] if "refused" not in u]
            listens[id] = kept
            acknowledge = lambda: note("notifications/subscriptions/acknowledged", {"_meta": {K + "subscriptionId": id}, "notifications": kept})
            if options.get("mute"): return
            later(options["hesitates"], acknowledge) if "hesitates" in options else acknowledge()
        def discover(request):
            mode = options.get("discover", ["2026-07-28"])
            if mode == "exit": os._exit(4)
            if mode == "silent": return
            if isinstance(mode, int): return error(request, mode, "no", {"supported": options.get("supported", [])} if mode == -32022 else None)
            answer = lambda: result(request, {"supportedVersions": ["2026-07-28"] if mode == "late" else mode, "capabilities": CAPABILITIES, "instructions": "Be modern."}, ttlMs=1000, cacheScope="public")
            later(1.2, answer) if mode == "late" else answer()
        first = True
        for line in sys.stdin:
            message = json.loads(line)
            method, params = message.get("method"), message.get("params", {})
            if first and "openings" in options:
                with open(options["openings"], "a") as file: file.write(str(method) + "\n")
            first = False
            meta = params.get("_meta", {})
            if method is None: faults.append("a response")
            elif "id" not in message:
                if method != "notifications/cancelled": faults.append(method)
                else:
                    cancelled.append(params["requestId"])
                    listens.pop(params["requestId"], None)
            elif method == "initialize":
                mode = options.get("initialize", "error")
                if mode == "exit": os._exit(5)
                if mode == "legacy": result(message, {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}}, "serverInfo": {"name": "old", "version": "1"}})
                elif mode != "silent": error(message, -32601, "Method not found")
            elif K + "protocolVersion" not in meta or K + "clientCapabilities" not in meta:
                if options.get("initialize") == "legacy" and method == "tools/call": say(message, "legacy")
                elif options.get("initialize") == "legacy" and method == "tools/list": result(message, {"tools": []})
                else:
                    faults.append(method)
                    error(message, -32602, "no envelope")
            elif meta[K + "protocolVersion"] != "2026-07-28": error(message, -32022, "version", {"supported": ["2026-07-28"], "requested": meta[K + "protocolVersion"]})
            elif method == "server/discover": discover(message)
            elif method == "subscriptions/listen" and options.get("deaf"): error(message, -32601, "Method not found")
            elif method == "subscriptions/listen" and options.get("shy", 0) > 0:
                options["shy"] -= 1
                error(message, -32603, "not now")
            elif method == "subscriptions/listen": listen(message)
            elif method == "tools/call": call(message)
            elif method == "tools/list": result(message, {"tools": TOOLS}, ttlMs=5, cacheScope="public")
            elif method == "resources/read" and params["uri"] == "file:///given": result(message, {"contents": [], **options.get("given", {})})
            elif method == "resources/read" and params["uri"] == "file:///needs": error(message, -32021, "roots", {"requiredCapabilities": {"roots": {}}})
            elif method == "resources/read": error(message, -32602, "Resource not found", {"uri": params["uri"]})
            elif method == "prompts/get":
                if params.get("name") == "odd": send({"id": message["id"], "result": json.loads(params["arguments"]["result"])})
                elif "inputResponses" in params: result(message, {"messages": [], "description": json.dumps(params["inputResponses"])})
                else: ask(message, {"k": SAMPLE if params.get("name") == "sample" else FORM})
            elif method == "prompts/list": ask(message, {"k": FORM})
            elif method in ("tasks/get", "tasks/update", "tasks/cancel"): follow(message, method, params)
            elif method == "completion/complete": result(message, {"completion": {"values": ["x"]}})
            elif method == "com.example/extra": result(message, {"extra": True})
            else:
                faults.append(method)
                error(message, -32601, "Method not found")
            seen.append(method)
        """#
}
