import Foundation
import JSON
import TestSupport
import Testing

@testable import Sallyport

@Suite("Demo server")
struct DemoServerTests {
    let server = DemoServer()

    /// Sends lines and returns what comes back at once, parsed.
    private func send(_ lines: String...) throws -> [JSONNode] {
        var buffer = Array((lines.joined(separator: "\n") + "\n").utf8)
        server.receiveLines(of: &buffer)
        #expect(buffer.isEmpty)
        return try answers()
    }

    private func answers() throws -> [JSONNode] {
        try server.takeOutput().split(separator: UInt8(ascii: "\n")).map { try JSONDocument(parsing: Array($0)).root }
    }

    private func call(_ tool: String, _ arguments: String = "{}", id: String = "1", meta: String = "{}") throws
        -> [JSONNode]
    {
        try send(
            #"{"jsonrpc":"2.0","id":\#(id),"method":"tools/call","params":{"name":"\#(tool)","arguments":\#(arguments),"_meta":\#(meta)}}"#
        )
    }

    private func text(_ node: JSONNode?) -> String? { node?["result"]?["content"]?[0]?["text"]?.string }

    @Test(
        "initialize agrees on the revision asked for, or offers the newest",
        arguments: [
            ("2024-11-05", "2024-11-05"), ("2025-03-26", "2025-03-26"), ("2025-06-18", "2025-06-18"),
            ("2025-11-25", "2025-11-25"), ("2099-01-01", "2025-11-25"),
        ])
    func initialize(_ asked: String, _ agreed: String) throws {
        let answer = try send(
            #"{"jsonrpc":"2.0","id":"i","method":"initialize","params":{"protocolVersion":"\#(asked)","capabilities":{}}}"#
        )
        #expect(answer.first?["result"]?["protocolVersion"]?.string == agreed)
        #expect(answer.first?["id"]?.string == "i")
        let tools = try send(#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#).first?["result"]?["tools"]
        let add = tools?.elements.first { $0["name"]?.equals("add") == true }
        #expect((add?["outputSchema"] != nil) == (agreed >= "2025-06-18"))
        #expect(tools?.count == 15)
    }

    @Test("ids and echoed text come back byte for byte")
    func echo() throws {
        var buffer =
            Array(
                #"{"jsonrpc":"2.0","id":1.50,"method":"tools/call","params":{"name":"echo","arguments":{"message":"\u00e9\/ü"}}}"#
                    .utf8) + [UInt8(ascii: "\n")]
        server.receiveLines(of: &buffer)
        let output = String(decoding: server.takeOutput(), as: UTF8.self)
        #expect(
            output
                == #"{"jsonrpc":"2.0","id":1.50,"result":{"content":[{"type":"text","text":"\u00e9\/ü"}],"isError":false}}"#
                + "\n")
    }

    @Test("tools answer, and say what is wrong with their arguments")
    func tools() throws {
        #expect(text(try call("add", #"{"a":40,"b":2}"#).first) == "42")
        #expect(text(try call("add", #"{"a":0.5,"b":-2}"#).first) == "-1.5")
        #expect(try call("add", #"{"a":"x"}"#).first?["result"]?["isError"]?.boolean == true)
        #expect(try call("nope").first?["error"]?["code"]?.integer == -32602)
        #expect(text(try call("whoami").first)?.contains("nobody") == true)
        let identity = try call("whoami", meta: #"{"x.sallyport/user":{"id":"u1"},"other":1}"#).first
        #expect(text(identity) == #"{"x.sallyport/user":{"id":"u1"}}"#)
        #expect(text(try call("headers", meta: #"{"a":1}"#).first)?.hasSuffix(#"{"a":1}"#) == true)
    }

    @Test("X-05: what reaches the server is told, secrets by their names alone, and to nobody what another one said")
    func diagnostics() throws {
        func object(_ tool: String, meta: String = "{}") throws -> JSONNode {
            try JSONDocument(parsing: Array(try #require(text(try call(tool, meta: meta).first)).utf8)).root
        }
        #expect(text(try call("replay").first) == "nothing was echoed yet")
        let (alice, bob) = (#"{"dev.sallyport/identity":{"id":"a"},"n":1}"#, #"{"dev.sallyport/identity":{"id":"b"}}"#)
        _ = try call("echo", #"{"message":"for \u00e9"}"#, meta: alice)
        #expect(text(try call("replay", meta: #"{"dev.sallyport/identity":{"id":"a"}}"#).first) == "for é")
        for meta in [bob, "{}"] {
            #expect(text(try call("replay", meta: meta).first)?.contains("somebody else") == true)
        }
        let timing = try object("timing", meta: #"{"traceparent":"00-aa"}"#)
        #expect(timing["traceparent"]?.string == "00-aa" && (timing["calls_since_start"]?.integer ?? 0) >= 5)
        #expect(try object("environment")["PATH"]?.string?.isEmpty == false)
        let shown = JSONValue.object(DemoServer.shown(["API_KEY": "hunter2", "TZ": "UTC", "SALLYPORT_USER_ID": "u1"]))
        #expect(
            String(decoding: shown.serialized(), as: UTF8.self)
                == #"{"API_KEY":"(set, not shown)","SALLYPORT_USER_ID":"u1","TZ":"UTC"}"#)
        #expect(try object("health")["status"]?.string == "ok")
        _ = try send(
            #"{"jsonrpc":"2.0","id":"i","method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{"roots":{}},"clientInfo":{"name":"c","version":"1"}}}"#
        )
        let session = try object("session")
        #expect(session["protocol_version"]?.string == "2025-06-18" && session["roots"]?.boolean == true)
        #expect(session["client"]?["name"]?.string == "c" && session["sampling"]?.boolean == false)
    }

    @Test("sleep and progress are timers: others are not held up, and cancellation ends them")
    func timers() throws {
        #expect(try call("sleep", #"{"seconds":0.5}"#, id: "1").isEmpty)
        #expect(try call("sleep", #"{"seconds":60}"#, id: "\"two\"").isEmpty)
        #expect(try call("progress", #"{"steps":2,"seconds":0.2}"#, id: "3", meta: #"{"progressToken":"t"}"#).isEmpty)
        #expect(text(try call("echo", #"{"message":"now"}"#, id: "4").first) == "now")
        #expect(try send(#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"two"}}"#).isEmpty)
        server.fireTimers(at: .now + .seconds(1))
        let first = try answers()
        #expect(first.count == 2)
        #expect(first.first?["params"]?["progress"]?.integer == 1)
        #expect(text(first.last) == "slept 0.5 s")
        server.fireTimers(at: .now + .seconds(100))
        let rest = try answers()
        #expect(rest.map { $0["method"] != nil } == [true, false])
        #expect(rest.last?["id"]?.integer == 3)
    }

    @Test("questions to the client are asked only when it can answer, and the answer completes the call")
    func questions() throws {
        #expect(try call("elicit").first?["result"]?["isError"]?.boolean == true)
        _ = try send(
            #"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"elicitation":{},"sampling":{},"roots":{}}}}"#
        )
        let question = try #require(try call("elicit", id: "7").first)
        #expect(question["method"]?.equals("elicitation/create") == true)
        let id = try #require(question["id"]?.integer)
        let done = try send(#"{"jsonrpc":"2.0","id":\#(id),"result":{"action":"accept","content":{"name":"Ada"}}}"#)
        #expect(done.first?["id"]?.integer == 7)
        #expect(text(done.first) == #"accept: {"name":"Ada"}"#)
        #expect(try send(#"{"jsonrpc":"2.0","id":\#(id),"result":{}}"#).isEmpty, "an answer counts once")
        let sampling = try #require(try call("sample", id: "8").first?["id"]?.integer)
        let failed = try send(#"{"jsonrpc":"2.0","id":\#(sampling),"error":{"code":-1,"message":"no"}}"#)
        #expect(text(failed.first) == "sampling failed: no")
        let roots = try #require(try call("roots", id: "9").first?["id"]?.integer)
        let listed = try send(#"{"jsonrpc":"2.0","id":\#(roots),"result":{"roots":[{"uri":"file:///a"}]}}"#)
        #expect(text(listed.first) == "file:///a")
    }

    @Test("the modern era: every request for itself, questions as results, and nothing of the handshake")
    func modern() throws {
        let server = DemoServer(isModern: true)
        func ask(_ method: String, _ members: String = "", _ envelope: String? = nil) throws -> [JSONNode] {
            let meta =
                envelope
                ?? #""io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"elicitation":{}}"#
            var line = Array(
                #"{"jsonrpc":"2.0","id":"i","method":"\#(method)","params":{"_meta":{\#(meta)}\#(members)}}"#.utf8)
            line.append(UInt8(ascii: "\n"))
            server.receiveLines(of: &line)
            return try server.takeOutput().split(separator: UInt8(ascii: "\n")).map {
                try JSONDocument(parsing: Array($0)).root
            }
        }
        let discovered = try ask("server/discover").first?["result"]
        #expect(discovered?["supportedVersions"]?[0]?.equals("2026-07-28") == true)
        #expect(discovered?["_meta"]?["io.modelcontextprotocol/serverInfo"]?["name"] != nil)
        for method in ["tools/list", "resources/list", "prompts/list", "resources/templates/list"] {
            let result = try ask(method).first?["result"]
            #expect(result?["ttlMs"] != nil && result?["resultType"]?.equals("complete") == true, "\(method)")
        }
        let echo = try ask("tools/call", #","name":"echo","arguments":{"message":"x"}"#).first
        #expect(text(echo) == "x" && echo?["result"]?["ttlMs"] == nil && echo?["result"]?["resultType"] != nil)
        let question = try ask("tools/call", #","name":"elicit""#).first?["result"]
        #expect(question?["resultType"]?.equals("input_required") == true && question?["content"] == nil)
        #expect(question?["inputRequests"]?["answer"]?["method"]?.equals("elicitation/create") == true)
        let retry =
            #","name":"elicit","requestState":"elicitation/create","inputResponses":{"answer":{"action":"accept"}}"#
        #expect(text(try ask("tools/call", retry).first) == "accept")
        let foreign = retry.replacing("elicitation/create", with: "roots/list")
        #expect(try ask("tools/call", foreign).first?["error"]?["code"]?.integer == -32602)
        let needed = try ask("tools/call", #","name":"sample""#).first?["error"]
        #expect(needed?["code"]?.integer == -32021 && needed?["data"]?["requiredCapabilities"]?["sampling"] != nil)
        #expect(
            try ask("tools/call", #","name":"log","arguments":{"message":"m"}"#).count == 1, "c28: no level, no log")
        for method in ["initialize", "ping", "logging/setLevel", "resources/subscribe"] {
            #expect(try ask(method).first?["error"]?["code"]?.integer == -32601, "\(method)")
        }
        #expect(try ask("tools/list", "", "").first?["error"]?["code"]?.integer == -32602)
        let other =
            #""io.modelcontextprotocol/protocolVersion":"2031-01-01","io.modelcontextprotocol/clientCapabilities":{}"#
        #expect(try ask("tools/list", "", other).first?["error"]?["data"]?["supported"]?.count == 1)
        let listen = try ask("subscriptions/listen", #","notifications":{"toolsListChanged":true}"#)
        #expect(listen.count == 1 && listen[0]["params"]?["notifications"]?.count == 0)
    }

    @Test("resources, prompts, completion and logging")
    func others() throws {
        func ask(_ method: String, _ params: String = "{}") throws -> JSONNode? {
            try send(#"{"jsonrpc":"2.0","id":1,"method":"\#(method)","params":\#(params)}"#).last
        }
        #expect(try ask("resources/list")?["result"]?["resources"]?.count == 1)
        #expect(try ask("resources/templates/list")?["result"]?["resourceTemplates"]?.count == 1)
        let item = try ask("resources/read", #"{"uri":"demo://items/42"}"#)
        #expect(item?["result"]?["contents"]?[0]?["text"]?.string == "Item 42")
        #expect(try ask("resources/read", #"{"uri":"demo://items/"}"#)?["error"]?["code"]?.integer == -32002)
        let prompt = try ask("prompts/get", #"{"name":"greet","arguments":{"name":"Ada"}}"#)
        #expect(prompt?["result"]?["messages"]?[0]?["content"]?["text"]?.string == "Please greet Ada.")
        let completion = try ask("completion/complete", #"{"argument":{"name":"name","value":"a"}}"#)
        #expect(completion?["result"]?["completion"]?["values"]?.count == 2)
        #expect(try ask("server/discover")?["error"]?["code"]?.integer == -32601)
        #expect(try ask("logging/setLevel", #"{"level":"error"}"#)?["result"] != nil)
        #expect(try call("log", #"{"message":"m"}"#).count == 1)
        #expect(try call("log", #"{"message":"m","level":"alert"}"#).count == 2)
    }

    @Test("garbage is answered and harms nothing; batches of 2025-03-26 are answered")
    func garbage() throws {
        #expect(try send("{").first?["error"]?["code"]?.integer == -32700)
        #expect(try send("", "  ", "\"x\"", "[]").count == 1)  // the blank line is not JSON
        #expect(
            try send(#"[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","id":2,"method":"ping"}]"#).count == 2
        )
        var split = Array(#"{"jsonrpc":"2.0","id":1,"#.utf8)
        server.receiveLines(of: &split)
        #expect(server.takeOutput().isEmpty)
        split += Array(#""method":"ping"}"#.utf8) + [UInt8(ascii: "\n")]
        server.receiveLines(of: &split)
        #expect(try answers().count == 1)
    }
}

/// The built program, over real pipes.
@Suite("Demo server over pipes", .timeLimit(.minutes(1)))
struct DemoServerPipeTests {
    @Test("lines come back while a slow call waits, 20,000 echoes in one write, and the end of input ends it")
    func pipes() async throws {
        let logs = try TemporaryDirectory("demo")
        let (input, output) = (try PipeEnds(), try PipeEnds())
        let program = try RunningProgram(
            Checkout.binary, ["demo-server"], logs: logs, pipes: (input.reading, output.writing))
        defer { program.killTree() }
        input.closeReading()
        output.closeWriting()
        let slow =
            #"{"jsonrpc":"2.0","id":"slow","method":"tools/call","params":{"name":"sleep","arguments":{"seconds":0.3}}}"#
        let echo =
            #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"message":"x"}}}"#
        let text = slow + "\n" + String(repeating: echo + "\n", count: 20_000)
        async let written: Void = onThread { try input.write(Array(text.utf8)) }
        let lines = try await onThread {
            var data: [UInt8] = []
            var count = 0
            while count < 20_001 {
                let more = try output.read()
                guard !more.isEmpty else { break }
                count += more.reduce(0) { $1 == UInt8(ascii: "\n") ? $0 + 1 : $0 }
                data += more
            }
            return data.split(separator: UInt8(ascii: "\n"))
        }
        try await written
        #expect(lines.count == 20_001)
        let late = lines.indices.filter { String(decoding: lines[$0], as: UTF8.self).contains("slept 0.3 s") }
        #expect(late.count == 1 && late[0] > 0, "the slow call held nobody up")
        input.closeWriting()
        #expect(try await program.waitUntilExit() == .exited(0), "\(program.errors)")
    }
}
