import Crypto
import Foundation
import MCP
import Synchronization
import TestSupport

@testable import Gateway

extension Script {
    /// A server of either era that says of its tools what stands in a file, read anew for each list. Arguments: the file, the era.
    static let pinned = #"""
        import json, os, sys
        path, era = sys.argv[1], sys.argv[2]
        calls, listens, lists, K = [], [], [0], "io.modelcontextprotocol/"
        def send(message):
            sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
            sys.stdout.flush()
        def options(): return json.load(open(path))
        def result(request, value):
            send({"id": request["id"], "result": {**({"resultType": "complete", "ttlMs": 60000, "cacheScope": "public"} if era == "modern" else {}), **value}})
        def error(request, code): send({"id": request["id"], "error": {"code": code, "message": "no"}})
        def changed():
            if era == "legacy": send({"method": "notifications/tools/list_changed"})
            for id in listens: send({"method": "notifications/tools/list_changed", "params": {"_meta": {K + "subscriptionId": id}}})
        for line in sys.stdin:
            message = json.loads(line)
            method, params = message.get("method"), message.get("params", {})
            if "id" not in message: continue
            if era == "modern" and K + "protocolVersion" not in params.get("_meta", {}): error(message, -32601)
            elif method == "initialize": result(message, {"protocolVersion": params["protocolVersion"], "serverInfo": {"name": "pinned", "version": "1"},
                "capabilities": {"tools": {"listChanged": options().get("announces", True)}}})
            elif method == "server/discover" and era == "modern": result(message, {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {"listChanged": True}}})
            elif method == "subscriptions/listen" and era == "modern":
                listens.append(message["id"])
                send({"method": "notifications/subscriptions/acknowledged", "params": {"_meta": {K + "subscriptionId": message["id"]}, "notifications": params["notifications"]}})
            elif method == "tools/list":
                lists[0] += 1
                given = options()
                if given.get("mute"): continue
                if "raw" in given:
                    sys.stdout.write(given["raw"].replace("ID", str(message["id"])) + "\n")
                    sys.stdout.flush()
                    continue
                start, size = int(params.get("cursor", "0")), given.get("page", 1000)
                more = {"nextCursor": str(start + size)} if start + size < len(given["tools"]) else {}
                result(message, {"tools": given["tools"][start:start + size], **more})
            elif method == "tools/call":
                calls.append(params["name"])
                if params["name"] == "changed": changed()
                result(message, {"content": [{"type": "text", "text": json.dumps({"calls": calls, "pid": os.getpid(), "lists": lists[0]})}]})
            else: error(message, -32601)
        """#
}

/// What the server of ``Script/pinned`` says of its tools.
final class PinnedTools: Sendable {
    let place: TemporaryDirectory

    init(_ tools: [String], _ more: String = "") throws {
        place = try TemporaryDirectory("pins")
        try say(tools, more)
    }

    /// From now on these: names, each with a description after a colon. `more` are further options, beginning with a comma.
    func say(_ tools: [String], _ more: String = "") throws {
        let texts = tools.map { tool in
            let parts = tool.split(separator: ":", maxSplits: 1)
            return #"{"name":"\#(parts[0])","description":"\#(parts.last ?? "")","inputSchema":{"type":"object"}}"#
        }
        try place.write("tools.json", #"{"tools":[\#(texts.joined(separator: ","))]\#(more)}"#)
    }

    func server(
        _ mode: PinMode, era: String = "legacy", name: String = "demo", isolation: Isolation = .session,
        tools: ToolFilter = ToolFilter()
    ) -> ServerDefinition {
        var server = ServerDefinition.python(name, Script.pinned, [place.file("tools.json"), era])
        server.pin = mode
        server.isolation = isolation
        server.tools = tools
        return server
    }
}

/// A ledger in memory, with what an operator does by hand. The stores have tests of their own.
final class TestLedger: PinLedger {
    private struct State {
        var approved: [String: [[UInt8]: Digest]] = [:]
        var seen: [String: [[UInt8]: Digest]] = [:]
        var revision: Int64 = 0
        var isBroken = false
    }

    private let state = Mutex(State())

    func revision() async throws(PinLedgerError) -> Int64 {
        guard let revision = state.withLock({ $0.isBroken ? nil : $0.revision }) else {
            throw PinLedgerError(detail: "broken")
        }
        return revision
    }

    func approvals() async throws(PinLedgerError) -> [String: [[UInt8]: Digest]] { state.withLock { $0.approved } }

    func note(_ sighting: ToolSighting) async throws(PinLedgerError) {
        let definition = sighting.definition
        let isBroken = state.withLock { state in
            guard !state.isBroken else { return true }
            state.revision += 1
            state.seen[sighting.server, default: [:]][definition.name] = definition.digest
            if sighting.trustsFirst, state.approved[sighting.server]?[definition.name] == nil {
                state.approved[sighting.server, default: [:]][definition.name] = definition.digest
            }
            return false
        }
        if isBroken { throw PinLedgerError(detail: "broken") }
    }

    /// Approves what was seen last.
    func approve(_ tools: String..., of server: String = "demo") {
        state.withLock { state in
            state.revision += 1
            for tool in tools {
                let name = Array(tool.utf8)
                state.approved[server, default: [:]][name] = state.seen[server]?[name]
            }
        }
    }

    func forget(_ tool: String, of server: String = "demo") {
        state.withLock { state in
            state.revision += 1
            state.approved[server]?[Array(tool.utf8)] = nil
        }
    }

    func breakDown(_ isBroken: Bool) { state.withLock { $0.isBroken = isBroken } }

    func seen(_ server: String = "demo") -> Set<String> {
        state.withLock { state in Set((state.seen[server] ?? [:]).keys.map { String(decoding: $0, as: UTF8.self) }) }
    }
}
