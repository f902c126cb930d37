import Foundation
import TestSupport

@testable import Gateway

extension Script {
    /// A server that is one of several; what it has stands in its last argument. Only Python's standard library.
    static let member = #"""
        import json, os, sys, threading, time
        options = json.loads(sys.argv[-1])
        lock = threading.Lock()
        seen, waiting, counter = [], {}, [0]
        tools = list(options.get("tools", ["echo"]))
        def send(message):
            with lock:
                sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
                sys.stdout.flush()
        def result(request, value): send({"id": request["id"], "result": value})
        def error(request, code, message, data=None): send({"id": request["id"], "error": {"code": code, "message": message, **({"data": data} if data else {})}})
        def note(method, params=None): send({"method": method, **({"params": params} if params else {})})
        def say(request, text): result(request, {"content": [{"type": "text", "text": text}]})
        def ask(request, method, params):
            counter[0] += 1
            waiting[counter[0]] = lambda answer: say(request, json.dumps(answer.get("result", answer.get("error"))))
            send({"id": counter[0], "method": method, "params": params})
        def later(seconds, action):
            timer = threading.Timer(seconds, action)
            timer.daemon = True
            timer.start()
        def call(request):
            params = request["params"]
            mode, arguments, meta = params["name"], params.get("arguments", {}), params.get("_meta", {})
            if mode == "seen": say(request, json.dumps(seen))
            elif mode == "exit": os._exit(3)
            elif mode == "hang": pass
            elif mode == "later": later(arguments["seconds"], lambda: say(request, arguments["message"]))
            elif mode == "add":
                for tool in arguments["tools"]: tools.append(tool)
                for _ in range(arguments.get("times", 1)): note("notifications/tools/list_changed")
                say(request, "added")
            elif mode == "progress":
                for step in (1, 2): note("notifications/progress", {"progressToken": meta["progressToken"], "progress": step})
                say(request, json.dumps(meta))
            elif mode == "log":
                note("notifications/message", {"level": "error", "data": "one"})
                note("notifications/message", {"level": "error", "logger": "db", "data": "two"})
                say(request, "logged")
            elif mode == "elicit": ask(request, "elicitation/create", {"message": "Who?", "requestedSchema": {"type": "object", "properties": {}}})
            elif mode == "sample": ask(request, "sampling/createMessage", {"messages": [], "maxTokens": 5})
            elif mode == "url": error(request, -32042, "Open this", {"elicitations": [{"mode": "url", "elicitationId": "e", "url": "https://example.com/x", "message": "Open"}]})
            elif mode == "strange": ask(request, "tasks/list", {})
            elif mode == "links":
                result(request, {"content": [
                    {"type": "text", "text": "file:///x"}, {"type": "resource_link", "uri": "file:///x", "name": "x"},
                    {"type": "resource", "resource": {"uri": "file:///y", "text": "file:///y"}},
                    {"type": "resource_link", "uri": "ui://view", "name": "view"}], "structuredContent": {"uri": "file:///x"}})
            elif mode == "update":
                for uri in arguments["uris"]: note("notifications/resources/updated", {"uri": uri})
                say(request, "updated")
            else: say(request, json.dumps({"server": options.get("name"), "tool": mode, "arguments": arguments, "id": request["id"]}))
        def listed(request, key, things):
            size = options.get("page")
            cursor = request.get("params", {}).get("cursor")
            seen.append({"list": key, "cursor": cursor})
            is_well = os.path.exists(options.get("until", "/nonexistent"))
            if options.get("mute") == key and not is_well:
                return later(0.02, lambda: listed(request, key, things)) if "until" in options else None
            if options.get("broken") == key and not is_well: return error(request, -32603, "broken")
            start = 0 if cursor is None else int(cursor or "0") + 1 if cursor == "" else int(cursor)
            page = things[start:start + size] if size else things
            more = {} if not size or start + size >= len(things) else {"nextCursor": str(start + size)}
            result(request, {key: page, **more})
        MIRRORED = {"properties": {"region": {"type": "string", "x-mcp-header": "Region"}}}
        def resource(uri): return {"uri": uri, "name": uri}
        def handle(message):
            method, params = message.get("method"), message.get("params", {})
            if method == "initialize":
                seen.append({"initialize": params})
                capabilities = options.get("capabilities", {"tools": {"listChanged": True}, "prompts": {}, "resources": {"subscribe": True}, "completions": {}, "logging": {}, "tasks": {}, "experimental": {"x": {}}})
                time.sleep(options.get("slow", 0))
                result(message, {"protocolVersion": params["protocolVersion"], "capabilities": capabilities,
                    "instructions": options.get("instructions", ""), "serverInfo": {"name": "member", "version": "1"}})
            elif method == "tools/call": call(message)
            elif method == "tools/list": listed(message, "tools", [{"name": n, "title": "T " + n, "inputSchema": {"type": "object", **(MIRRORED if n == "mirrored" else {})}, **({"_meta": {"ui": {"resourceUri": options["view"]}}} if n == "viewed" else {})} for n in tools])
            elif method == "prompts/list": listed(message, "prompts", [{"name": n} for n in options.get("prompts", ["greet"])])
            elif method == "prompts/get": result(message, {"messages": [{"role": "user", "content": {"type": "resource", "resource": {"uri": "file:///p", "text": params["name"]}}}]})
            elif method == "resources/list": listed(message, "resources", [resource(u) for u in options.get("resources", ["file:///x"])])
            elif method == "resources/templates/list": listed(message, "resourceTemplates", [{"uriTemplate": "file:///{path}", "name": "files"}])
            elif method == "resources/read":
                if params["uri"].endswith("missing"): error(message, -32002, "Resource not found", {"uri": params["uri"]})
                else: result(message, {"contents": [{"uri": params["uri"], "text": "%s of %s" % (params["uri"], options.get("name"))}]})
            elif method in ("resources/subscribe", "resources/unsubscribe", "logging/setLevel"):
                seen.append({"method": method, "params": params})
                result(message, {})
            elif method == "completion/complete": result(message, {"completion": {"values": [json.dumps(params["ref"])]}})
            elif method is None:
                if message["id"] in waiting: waiting.pop(message["id"])(message)
            elif "id" in message: error(message, -32601, "no")
            else: seen.append({"method": method, "params": params})
        def pester():
            send({"id": "n", "method": "elicitation/create", "params": {"message": "Password?", "requestedSchema": {"type": "object", "properties": {}}}})
            later(options["nosy"], pester)
        if options.get("nosy"): later(options["nosy"], pester)
        if options.get("crash") and not os.path.exists(options["crash"]): sys.exit(7)
        for line in sys.stdin: handle(json.loads(line))
        """#
}

extension ServerDefinition {
    /// ``Script/member`` with what it has, as JSON without the braces.
    static func member(_ name: String, _ options: String = "", timeout: Duration = .seconds(20)) -> ServerDefinition {
        let more = options.isEmpty ? "" : ",\(options)"
        return .python(name, Script.member, [#"{"name":"\#(name)"\#(more)}"#], timeout: timeout)
    }
}

/// Runs `body` with several servers as one.
func withAggregate(
    _ servers: [ServerDefinition], protected: Bool = true, patience: Duration = .seconds(10),
    change: (inout GatewayConfiguration) -> Void = { _ in }, _ body: (Bench) async throws -> Void
) async throws {
    try await withBench(servers, protected: protected) { configuration in
        var aggregate = AggregateConfiguration(version: "9")
        aggregate.patience = patience
        configuration.aggregate = aggregate
        change(&configuration)
    } _: { bench in
        try await body(bench)
    }
}

extension MCPAnswer {
    /// The names, or URIs, of a list, in order.
    func listed(_ list: String, by key: String = "name") -> [String] {
        ((result?[list] as? [[String: Any]]) ?? []).compactMap { $0[key] as? String }
    }

    /// The text of a tool's result, which is JSON.
    var said: [String: Any] {
        (try? JSONSerialization.jsonObject(with: Data((text ?? "").utf8))) as? [String: Any] ?? [:]
    }
}

extension PlainMCP {
    func demand(_ method: String, _ params: String = "{}", id: Int = 1) async throws -> MCPAnswer {
        try await send(PlainMCP.request(method, id: id, params))
    }

    /// What a server noted of what it got.
    func seen(by server: String) async throws -> String {
        try await say("\(server)__seen").text ?? ""
    }
}
