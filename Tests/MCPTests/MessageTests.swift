import JSON
import MCP
import Testing

func message(_ text: String) throws -> JSONRPCMessage {
    try JSONRPCMessage(JSONDocument(parsing: Array(text.utf8)).root)
}

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

@Suite("Messages")
struct MessageTests {
    @Test("c5: what is a request, a notification, a response")
    func kinds() throws {
        #expect(try message(#"{"jsonrpc":"2.0","id":1,"method":"a"}"#).kind == .request)
        #expect(try message(#"{"jsonrpc":"2.0","method":"a"}"#).kind == .notification)
        #expect(try message(#"{"jsonrpc":"2.0","id":1,"result":{}}"#).kind == .response)
        #expect(try message(#"{"jsonrpc":"2.0","error":{"code":1,"message":"m"}}"#).kind == .response)
    }

    @Test(
        "c5: what is no message is refused with -32600",
        arguments: [
            "{}", "1", #""a""#, "[]", #"{"jsonrpc":"1.0","id":1,"method":"a"}"#, #"{"id":1,"method":"a"}"#,
            #"{"jsonrpc":"2.0","id":null,"method":"a"}"#, #"{"jsonrpc":"2.0","id":{},"method":"a"}"#,
            #"{"jsonrpc":"2.0","id":1,"method":7}"#, #"{"jsonrpc":"2.0","id":1,"method":"a","params":3}"#,
            #"{"jsonrpc":"2.0","id":1}"#, #"{"jsonrpc":"2.0","id":1,"result":1,"error":{}}"#,
            #"{"jsonrpc":"2.0","id":1,"method":"a","result":1}"#,
        ])
    func refusals(text: String) throws {
        let root = try JSONDocument(parsing: Array(text.utf8)).root
        #expect(throws: JSONRPCError.self) { try JSONRPCMessage(root) }
    }

    @Test(
        "M05: ids come back as the text that they were",
        arguments: ["1", #""1""#, "9007199254740993", "1.0", #""\u0031é""#])
    func exactIDs(id: String) throws {
        let request = try message(#"{"jsonrpc":"2.0","id":\#(id),"method":"ping"}"#)
        let kept = try #require(request.exactID)
        #expect(
            text(ServerBoundMessage.request(request, number: 12, identity: nil))
                == #"{"jsonrpc":"2.0","id":12,"method":"ping"}"# + "\n")
        let response = try message(#"{"result":{"n":9007199254740993,"x":1.0},"id":12,"jsonrpc":"2.0"}"#)
        #expect(
            text(ClientBoundMessage.response(response, id: kept))
                == #"{"result":{"n":9007199254740993,"x":1.0},"id":\#(id),"jsonrpc":"2.0"}"#)
    }

    @Test("c5: parameters, unknown members and their order stay byte for byte")
    func untouched() throws {
        let line = ServerBoundMessage.request(
            try message(
                #"{"x":[1.0,1e2],"method":"tools/call","id":"a","params":{"name":"t","arguments":{"b":"\u00e9\/","a":null}},"jsonrpc":"2.0"}"#
            ),
            number: 3, identity: Array(#"{"user":"u"}"#.utf8))
        #expect(
            text(line)
                == #"{"x":[1.0,1e2],"method":"tools/call","id":3,"params":{"name":"t","arguments":{"b":"\u00e9\/","a":null},"_meta":{"dev.sallyport/identity":{"user":"u"}}},"jsonrpc":"2.0"}"#
                + "\n")
    }

    @Test("M05: the progress token is ours towards the server and the caller's on the way back")
    func progressToken() throws {
        let request = try message(
            #"{"jsonrpc":"2.0","id":1,"method":"x","params":{"_meta":{"progressToken":"tök","a":1}}}"#)
        #expect(
            text(ServerBoundMessage.request(request, number: 5, identity: nil))
                == #"{"jsonrpc":"2.0","id":5,"method":"x","params":{"_meta":{"progressToken":5,"a":1}}}"# + "\n")
        let progress = try message(
            #"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":5,"progress":0.5}}"#)
        #expect(
            text(ClientBoundMessage.progress(progress, token: Array(#""tök""#.utf8)))
                == #"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"tök","progress":0.5}}"#
        )
    }

    @Test(
        "R07: a client cannot say who it is; escapes do not help",
        arguments: [
            "dev.sallyport/identity", #"dev.sallyport\/identity"#, #"\u0064ev.sallyport/identity"#,
            "dev.sallyport/admin",
        ])
    func spoofedIdentity(key: String) throws {
        let request = try message(
            #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{"\#(key)":{"user":"root"},"progressToken":9,"a":2}}}"#
        )
        let line = text(ServerBoundMessage.request(request, number: 4, identity: Array(#"{"user":"u"}"#.utf8)))
        #expect(!line.contains("root"), "\(line)")
        #expect(line.contains(#""_meta":{"progressToken":4,"a":2,"dev.sallyport/identity":{"user":"u"}}"#), "\(line)")
        let note = try message(#"{"jsonrpc":"2.0","method":"n","params":{"_meta":{"\#(key)":{"user":"root"}}}}"#)
        #expect(!text(ServerBoundMessage.notification(note)).contains("root"))
    }

    @Test("d1: a message that spans lines becomes one line; its strings stay")
    func oneLine() throws {
        let request = try message(
            "{\n \"jsonrpc\" : \"2.0\",\r\n \"id\": 1, \"method\": \"x\", \"params\": {\"a\": \"b \\n c\"}\n}\n")
        let line = ServerBoundMessage.request(request, number: 2, identity: nil)
        #expect(text(line) == #"{"jsonrpc":"2.0","id":2,"method":"x","params":{"a":"b \n c"}}"# + "\n")
    }

    @Test("c52: what a request claims")
    func claims() throws {
        let plain = try message(#"{"jsonrpc":"2.0","id":1,"method":"x","params":{}}"#)
        let modern = try message(
            #"{"jsonrpc":"2.0","id":1,"method":"x","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#
        )
        func claim(_ header: String?, _ message: JSONRPCMessage) -> VersionClaim {
            VersionClaim(header: header.map { Array($0.utf8)[...] }, message: message)
        }
        #expect(claim(nil, plain) == .legacy(nil))
        #expect(claim("2025-06-18", plain) == .legacy(.june2025))
        #expect(claim("2024-11-05", plain) == .legacy(.november2024))
        #expect(claim("2026-07-28", plain) == .modern("2026-07-28"))
        #expect(claim("1999-01-01", plain) == .modern("1999-01-01"))
        #expect(claim("2025-06-18 ", plain) == .modern("2025-06-18 "))
        #expect(claim(nil, modern) == .modern("2026-07-28"))
        #expect(claim("2025-06-18", modern) == .modern("2026-07-28"))
    }

    @Test("F06: 100,000 malformed lines are discarded and none traps")
    func malformedLines() throws {
        var generator = SystemRandomNumberGenerator()
        let seeds = [
            #"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"\u00e9\ud83d\ude00"}]}}"#,
            #"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":5,"progress":0.5}}"#,
            #"[{"jsonrpc":"2.0","id":"a","error":{"code":-1,"message":"m"}}]"#,
        ].map { Array($0.utf8) }
        var framer = LineFramer(maximumBytes: 4096)
        var messages = 0
        for round in 0..<100_000 {
            var line = seeds[round % seeds.count]
            for _ in 0..<Int.random(in: 1...4, using: &generator) where !line.isEmpty {
                let place = Int.random(in: 0..<line.count, using: &generator)
                switch round % 3 {
                case 0: line[place] = UInt8.random(in: 0...255, using: &generator)
                case 1: line.remove(at: place)
                default: line.insert(UInt8.random(in: 0...255, using: &generator), at: place)
                }
            }
            for case .complete(let bytes) in framer.feed(line + [0x0A]) {
                guard let document = try? JSONDocument(parsing: bytes) else { continue }
                let nodes = document.root.isArray ? Array(document.root.elements) : [document.root]
                for node in nodes {
                    guard let message = try? JSONRPCMessage(node) else { continue }
                    messages += 1
                    _ = ClientBoundMessage.response(message, id: JSONRPCID(number: 1))
                    _ = ClientBoundMessage.progress(message, token: [0x31])
                }
            }
        }
        #expect(messages < 100_000)
    }
}
