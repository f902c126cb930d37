import Foundation
import TestSupport
import Testing

/// Methods and errors of the legacy era that the gateway has no part in: both sides see what the other one wrote.
@Suite("What passes through", .timeLimit(.minutes(2)))
struct PassThroughTests {
    private static let script = #"""
        import json, sys
        def send(message):
            sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
            sys.stdout.flush()
        levels = ["debug", "info"]
        for line in sys.stdin:
            message = json.loads(line)
            method, params, id = message.get("method"), message.get("params", {}), message.get("id")
            if method == "initialize":
                send({"id": id, "result": {"protocolVersion": params["protocolVersion"], "capabilities": {"logging": {},
                      "resources": {"subscribe": True}}, "serverInfo": {"name": "test", "version": "1"}}})
            elif method == "ping": send({"id": id, "result": {}})
            elif method == "logging/setLevel":
                if params["level"] in levels: send({"id": id, "result": {}})
                else: send({"id": id, "error": {"code": -32602, "message": "no such level"}})
            elif method == "resources/subscribe":
                send({"id": id, "result": {}})
                send({"method": "notifications/resources/updated", "params": {"uri": params["uri"]}})
            elif method == "resources/unsubscribe": send({"id": id, "result": {}})
            elif method == "resources/read":
                send({"id": id, "error": {"code": -32002, "message": "not found", "data": {"uri": params["uri"]}}})
            elif method == "tools/call":
                send({"id": id, "error": {"code": -32042, "message": "a login is needed", "data": {"elicitations": [
                      {"mode": "url", "elicitationId": "e1", "url": "https://login.test/x", "message": "log in"}]}}})
        """#

    @Test("c57: ping, log level and subscriptions get the server's own answers")
    func answers() async throws {
        try await withBench([.python("demo", Self.script)]) { bench in
            let client = try await bench.open()
            let plain = ["ping": "{}", "logging/setLevel": #"{"level":"info"}"#]
            for (method, params) in plain {
                let answer = try await client.send(Self.request(method, id: 1, params))
                #expect(
                    answer.status == 200 && (answer.object["result"] as? [String: Any])?.isEmpty == true, "\(method)")
            }
            let badLevel = try await client.send(Self.request("logging/setLevel", id: 2, #"{"level":"loud"}"#))
            #expect(badLevel.errorCode == -32602 && badLevel.object["id"] as? Int == 2)
            let missing = try await client.send(Self.request("resources/read", id: 3, #"{"uri":"x:y"}"#))
            #expect(missing.errorCode == -32002)

            let listening = try await client.listen()
            let subscribed = try await client.send(Self.request("resources/subscribe", id: 4, #"{"uri":"x:y"}"#))
            #expect((subscribed.object["result"] as? [String: Any])?.isEmpty == true)
            let update = try #require(try await listening.next())
            #expect(update.object["method"] as? String == "notifications/resources/updated")
            #expect((update.object["params"] as? [String: Any])?["uri"] as? String == "x:y")
            let ended = try await client.send(Self.request("resources/unsubscribe", id: 5, #"{"uri":"x:y"}"#))
            #expect((ended.object["result"] as? [String: Any])?.isEmpty == true)
        }
    }

    @Test("c58: the wish for a login by URL reaches a client of 2025-11-25 as the server wrote it")
    func elicitationByURL() async throws {
        try await withBench([.python("demo", Self.script)]) { bench in
            let client = try await bench.open(version: "2025-11-25")
            let answer = try await client.send(PlainMCP.call("login", id: 6))
            #expect(answer.errorCode == -32042 && answer.object["id"] as? Int == 6)
            let error = try #require(answer.object["error"] as? [String: Any])
            let wishes = try #require((error["data"] as? [String: Any])?["elicitations"] as? [[String: Any]])
            #expect(wishes.first?["elicitationId"] as? String == "e1")
            #expect(wishes.first?["url"] as? String == "https://login.test/x")
        }
    }

    private static func request(_ method: String, id: Int, _ params: String) -> String {
        #"{"jsonrpc":"2.0","id":\#(id),"method":"\#(method)","params":\#(params)}"#
    }
}
