import Crypto
import JSON
import Testing

@testable import MCP

/// The mapping between the servers of an aggregate and its clients.
@Suite("Aggregation: names, URIs, cursors")
struct AggregationTests {
    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test("U-09, C2: names have only characters that every model's interface takes, and stay different ones")
    func characters() {
        let names = ExposedNames(servers: ["a", "b"], separator: "__")
        let own = [
            "x:y", "x.y", "x/y", "x y", "é", "e", "x_y", "x-y", "X_y", "😀", "\u{0}", "\"", "x\u{301}", "__x", "",
            "x\ny",
        ]
        var seen: Set<[UInt8]> = []
        for server in [0, 1] {
            for text in own {
                let name = names.name(Array(text.utf8), of: server)
                let letters = Self.text(name).unicodeScalars
                #expect(
                    letters.allSatisfy {
                        $0.isASCII && ($0.properties.isAlphabetic || "0123456789_-".contains(Character($0)))
                    })
                #expect(seen.insert(name).inserted, "\(text)")
                #expect(Self.text(name).hasPrefix(server == 0 ? "a__" : "b__"))
            }
        }
        #expect(Self.text(names.name(Array("x-y_Z9".utf8), of: 0)) == "a__x-y_Z9", "legal ones are as they were")
        #expect(Self.text(names.name(Array("é:y".utf8), of: 0)).hasPrefix("a____y_"), "one for each character")
    }

    @Test("C2: no name is longer than 64 bytes, and none is cut within a character")
    func lengths() {
        let names = ExposedNames(servers: ["time", "git"], separator: "__")
        for count in [0, 1, 56, 58, 59, 60, 64, 200] {
            for unit in ["x", "é", "😀"] {
                let own = Array(String(repeating: unit, count: count).utf8)
                let name = names.name(own, of: 0)
                #expect(name.count <= 64 && String(validating: name, as: UTF8.self) != nil)
                #expect(name == names.name(own, of: 0))
                let isAsItWas = count == 0 || unit == "x" && own.count + 6 <= 64
                #expect((name == Array("time__".utf8) + own) == isAsItWas)
            }
        }
        let same = Array(String(repeating: "x", count: 70).utf8)
        #expect(names.name(same, of: 0) != names.name(same + [0x79], of: 0))
        #expect(names.name(same, of: 0).starts(with: "time__".utf8))
        #expect(names.suspect(Array("git__x".utf8)) == 1 && names.suspect(Array("gi__x".utf8)) == nil)
    }

    @Test("C2, e1: no two things of two servers have one name, however the servers and things are called")
    func collisions() {
        let servers = ["a", "a_", "a_b", "a__", "b", "a-b"]
        let tools = ["", "_", "__", "b", "_b", "b_c", "c", "_c", "__c", "b__c", "_b_c", "a_b", "-b_c"]
        for separator in ["__", "_", "-", "."] {
            let names = ExposedNames(servers: servers, separator: separator)
            var seen: [[UInt8]: String] = [:]
            for server in servers.indices {
                for tool in tools {
                    let name = names.name(Array(tool.utf8), of: server)
                    let owner = "\(servers[server])/\(tool)"
                    #expect(seen[name] == nil, "\(owner) and \(seen[name] ?? "") are both \(Self.text(name))")
                    seen[name] = owner
                }
            }
        }
    }

    @Test("C4: a URI finds its server and comes back as it was; ui:// stays")
    func uris() {
        let servers = ["time", "Git_Hub", "9lives", "git.hub", "git-hub"]
        let uris = ExposedURIs(servers: servers)
        let own = [
            "file:///x", "git+ssh://h/x+y", "FILE:///X", "file:///{path}{?q*}", "x", "", "+", "time+file:///x",
            "https://example.com/a+b", "UI:/x", "file:///é",
        ]
        var seen: Set<String> = []
        for server in servers.indices {
            for uri in own {
                let exposed = uris.exposed(Array(uri.utf8), of: server)
                #expect(seen.insert(Self.text(exposed)).inserted)
                let owner = uris.owner(of: exposed)
                #expect(owner?.server == server && owner.map { Self.text($0.own) } == uri)
                let scheme = Self.text(exposed).prefix { $0 != "+" }
                #expect(
                    scheme.first?.isLetter == true
                        && scheme.allSatisfy { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "." })
            }
        }
        #expect(Self.text(uris.exposed(Array("ui://v".utf8), of: 1)) == "ui://v")
        for none in ["ui://v", "file:///x", "other+file:///x", "", "+x", "time+ui://v", "time", "time +x"] {
            #expect(uris.owner(of: Array(none.utf8)) == nil, "\(none)")
        }
        // The case of a scheme does not count.
        #expect(uris.owner(of: Array("TIME+file:///X".utf8)).map { Self.text($0.own) } == "file:///X")
    }

    @Test("C4: URIs are changed wherever they are structural, and nowhere else")
    func rewriting() throws {
        let messages = AggregateMessages(server: 0, name: "a", uris: ExposedURIs(servers: ["a"]))
        func response(_ text: String, _ method: MCPMethod) throws -> String {
            let document = try JSONDocument(parsing: Array(text.utf8))
            return Self.text(
                messages.response(try JSONRPCMessage(document.root), id: JSONRPCID(number: 7), method: method))
        }
        #expect(
            try response(
                #"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"resource_link","uri":"f:\/1","name":"f:/1"},{"type":"resource","resource":{"text":"f:/2","uri":"f:/2"}},{"type":"text","uri":"f:/3","text":"f:/3"},{"type":"resource_link","uri":"ui://x"}],"structuredContent":{"type":"resource_link","uri":"f:/4"}}}"#,
                .toolsCall)
                == #"{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"resource_link","uri":"a+f:\/1","name":"f:/1"},{"type":"resource","resource":{"text":"f:/2","uri":"a+f:/2"}},{"type":"text","uri":"f:/3","text":"f:/3"},{"type":"resource_link","uri":"ui://x"}],"structuredContent":{"type":"resource_link","uri":"f:/4"}}}"#
        )
        #expect(
            try response(
                #"{"jsonrpc":"2.0","id":1,"error":{"code":-32002,"message":"f:/1","data":{"uri":"f:/1"}}}"#,
                .resourcesRead)
                == #"{"jsonrpc":"2.0","id":7,"error":{"code":-32002,"message":"f:/1","data":{"uri":"a+f:/1"}}}"#)
        #expect(
            try response(
                #"{"jsonrpc":"2.0","id":1,"result":{"contents":[{"uri":"f:/1"},{"uri":5},7]}}"#, .resourcesRead)
                == #"{"jsonrpc":"2.0","id":7,"result":{"contents":[{"uri":"a+f:/1"},{"uri":5},7]}}"#)
        #expect(
            try response(
                #"{"jsonrpc":"2.0","id":1,"result":{"messages":[{"content":{"type":"resource","resource":{"uri":"f:/1"}}},{"content":7},3]}}"#,
                .promptsGet)
                == #"{"jsonrpc":"2.0","id":7,"result":{"messages":[{"content":{"type":"resource","resource":{"uri":"a+f:/1"}}},{"content":7},3]}}"#
        )
    }

    @Test(
        "C5: a cursor is good for whoever got it, for its list and its servers; empty texts of servers are cursors too")
    func cursors() throws {
        let key = SealingKey.random()
        let cursors = AggregateCursors(key: key, epoch: [1])
        let cursor = AggregateCursor(list: .resources, server: "a", position: 3, upstream: [])
        let text = Array(try cursors.seal(cursor, for: [9]).utf8)
        #expect(cursors.open(text, of: .resources, for: [9]) == cursor)
        #expect(cursors.open(text, of: .tools, for: [9]) == nil)
        #expect(cursors.open(text, of: .resources, for: [8]) == nil)
        #expect(AggregateCursors(key: key, epoch: [2]).open(text, of: .resources, for: [9]) == nil)
        #expect(AggregateCursors(key: .random(), epoch: [1]).open(text, of: .resources, for: [9]) == nil)
        for position in text.indices {
            var changed = text
            changed[position] ^= 1
            #expect(cursors.open(changed, of: .resources, for: [9]) == nil)
        }
        for bad in [[], Array("x".utf8), Array(text.dropLast()), text + text] {
            #expect(cursors.open(bad, of: .resources, for: [9]) == nil)
        }
    }

    @Test("C9: instructions are bounded, and no server writes into another's section")
    func instructions() {
        let long = String(repeating: "é\r\n\u{2028}# b: mine\u{85}", count: 5000)
        let sections = (0..<40).map {
            AggregateInstructions.Section(server: "s\($0)", prefix: "s\($0)__", text: long, isPresent: $0 != 3)
        }
        let text = AggregateInstructions.text(sections)
        #expect(text.utf8.count < 40_000)
        #expect(text.contains("Not available at the moment: s3."))
        let headings = text.split { $0.isNewline }.filter { $0.hasPrefix("#") }
        #expect(headings.count == 39 && headings.allSatisfy { $0.hasPrefix("# s") })
    }

    @Test("C12: questions that a server puts by an error say whose they are, and nothing else there changes")
    func attributedErrors() throws {
        let messages = AggregateMessages(server: 0, name: "a", uris: ExposedURIs(servers: ["a"]))
        func response(_ text: String) throws -> String {
            let message = try JSONRPCMessage(JSONDocument(parsing: Array(text.utf8)).root)
            return Self.text(messages.response(message, id: JSONRPCID(number: 7), method: .toolsCall))
        }
        func text(_ id: Int, _ code: Int, _ message: String) -> String {
            #"{"jsonrpc":"2.0","id":\#(id),"error":{"code":\#(code),"message":"x","data":{"elicitations":"#
                + #"[{"mode":"url","url":"https://a.example/","message":"\#(message)"},7]}}}"#
        }
        #expect(try response(text(1, -32042, "Open")) == text(7, -32042, "[a] Open"))
        #expect(try response(text(1, -32000, "Open")) == text(7, -32000, "Open"))
    }

    @Test("C12: log messages and questions say whose they are")
    func attribution() throws {
        let messages = AggregateMessages(server: 0, name: "a", uris: ExposedURIs(servers: ["a"]))
        func message(_ text: String) throws -> JSONRPCMessage {
            try JSONRPCMessage(JSONDocument(parsing: Array(text.utf8)).root)
        }
        let log = #"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info""#
        #expect(Self.text(messages.log(try message(log + "}}"))) == log + #","logger":"a"}}"#)
        #expect(Self.text(messages.log(try message(log + #","logger":"d\"b"}}"#))) == log + #","logger":"a/d\"b"}}"#)
        #expect(
            Self.text(
                messages.question(
                    try message(
                        #"{"jsonrpc":"2.0","id":"x","method":"elicitation/create","params":{"message":"Who?"}}"#),
                    number: 4))
                == #"{"jsonrpc":"2.0","id":4,"method":"elicitation/create","params":{"message":"[a] Who?","_meta":{"dev.sallyport/server":"a"}}}"#
        )
        let sampling = Self.text(
            messages.question(
                try message(
                    #"{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage","params":{"systemPrompt":"Be.","_meta":{"dev.sallyport/server":"forged"}}}"#
                ), number: 5))
        #expect(
            sampling
                == #"{"jsonrpc":"2.0","id":5,"method":"sampling/createMessage","params":{"systemPrompt":"[a] Be.","_meta":{"dev.sallyport/server":"a"}}}"#
        )
        let roots = #"{"jsonrpc":"2.0","id":1,"method":"roots/list"}"#
        #expect(Self.text(messages.question(try message(roots), number: 1)) == roots)
    }
}
