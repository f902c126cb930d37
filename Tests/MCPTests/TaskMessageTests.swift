import Crypto
import JSON
import Testing

@testable import MCP

/// What servers and clients say of tasks, read without a server.
@Suite("Messages about tasks")
struct TaskMessageTests {
    private static func node(_ text: String) throws -> JSONNode { try JSONDocument(parsing: Array(text.utf8)).root }

    private static func text(_ message: JSONRPCMessage) -> String {
        String(decoding: message.node.bytes, as: UTF8.self)
    }

    // MARK: 2026-07-28

    @Test(
        "c37: a server is asked as often as it says, in reason",
        arguments: [
            ("50", 50), ("51", 51), ("0", 50), ("-5", 50), ("1000", 1000), ("60000", 60_000), ("60001", 60_000),
            ("9000000000000000000", 60_000), (#""50""#, 1000), ("null", 1000),
        ] as [(String, Int)])
    func interval(said: String, milliseconds: Int) throws {
        #expect(TaskState.interval(try Self.node(#"{"pollIntervalMs":\#(said)}"#)) == .milliseconds(milliseconds))
        #expect(TaskState.interval(try Self.node("{}")) == .seconds(1))
    }

    @Test(
        "c37: what is no state of a task is not taken for one",
        arguments: [
            "{}", #"{"status":7}"#, #"{"status":"done"}"#, #"{"status":"Working"}"#, #"{"status":"completed"}"#,
            #"{"status":"completed","result":7}"#, #"{"status":"completed","error":{}}"#,
            #"{"status":"failed","error":"x"}"#, #"{"status":"failed","result":{}}"#, #"{"status":"input_required"}"#,
            #"{"status":"input_required","inputRequests":[]}"#,
        ])
    func unreadable(task: String) throws {
        guard case .unreadable = TaskState(try Self.node(task)) else {
            Issue.record("\(task) was read")
            return
        }
    }

    @Test("c34, c37: the extension is declared by an object and by nothing else")
    func declaration() throws {
        func isDeclared(_ value: String) throws -> Bool {
            TasksExtension.isDeclared(in: try Self.node(#"{"extensions":{"io.modelcontextprotocol/tasks":\#(value)}}"#))
        }
        #expect(try isDeclared("{}") && isDeclared(#"{"a":1}"#))
        for other in ["true", "null", "[]", "1", #""yes""#] { #expect(try !isDeclared(other), "\(other)") }
        #expect(!TasksExtension.isDeclared(in: nil))
        #expect(try !TasksExtension.isDeclared(in: Self.node(#"{"tasks":{},"extensions":{"tasks":{}}}"#)))
        for method in MCPMethod.allCases {
            #expect(method.isOfTask == ["tasks/get", "tasks/update", "tasks/cancel"].contains(method.rawValue))
        }
    }

    private static func listen(_ tasks: String) throws -> JSONRPCMessage {
        try message(
            #"{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true,"taskIds":\#(tasks)}}}"#
        )
    }

    @Test("c26, c37: a listen names so many tasks, by texts; each server hears of its own alone")
    func listening() throws {
        func list(_ count: Int) -> String { "[" + (0..<count).map { #""t\#($0)""# }.joined(separator: ",") + "]" }
        #expect(try TaskMessage.listened(Self.listen(list(256)))?.count == 256)
        #expect(try TaskMessage.listened(Self.listen("[]"))?.isEmpty == true)
        for odd in [list(257), "[1]", #"["a",null]"#, "{}", #""a""#] {
            #expect(throws: JSONRPCError.self, "\(odd)") { try TaskMessage.listened(Self.listen(odd)) }
        }
        let none = try message(
            #"{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{}}}"#)
        #expect(try TaskMessage.listened(none) == nil)
        let asked = try Self.listen(#"["a","b"]"#)
        #expect(
            Self.text(TaskMessage.listening(asked, to: ["x"])).contains(
                #""notifications":{"toolsListChanged":true,"taskIds":["x"]}"#))
        #expect(
            Self.text(TaskMessage.listening(asked, to: ["x"], alone: true)).contains(
                #""notifications":{"taskIds":["x"]}"#))
    }

    @Test("c26, M08: what is told of tasks has the client's names, and of others nothing is told")
    func renaming() throws {
        let names = [Array("own".utf8): Array(#""theirs""#.utf8)]
        func told(_ task: String) throws -> JSONRPCMessage? {
            TaskMessage.renamed(
                try message(
                    #"{"jsonrpc":"2.0","method":"notifications/tasks","params":{"taskId":\#(task),"status":"working"}}"#
                ),
                names)
        }
        #expect(try told(#""own""#).map(Self.text)?.contains(#""taskId":"theirs","status":"working""#) == true)
        for other in [#""another""#, "7", #""theirs""#] { #expect(try told(other) == nil, "\(other)") }
        let kept = try message(
            #"{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"notifications":{"taskIds":["other","own",7]}}}"#
        )
        #expect(TaskMessage.renamed(kept, names).map(Self.text)?.contains(#""taskIds":["theirs"]"#) == true)
        #expect(TaskMessage.renamed(kept, [:]).map(Self.text)?.contains(#""taskIds":[]"#) == true)
    }

    // MARK: 2025-11-25

    @Test("c59: a tool must be a task where its server requires it, and only as long as it does")
    func required() throws {
        func call(_ tool: String) throws -> JSONRPCMessage {
            try message(#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"\#(tool)"}}"#)
        }
        func list(_ support: String) throws -> JSONNode {
            try Self.node(#"[{"name":"a","execution":{"taskSupport":"\#(support)"}},{"name":"b"},{"name":7}]"#)
        }
        var tasks = LegacyTasks()
        #expect(try !tasks.mustBeTask(call("a")))
        for support in ["required", "optional", "required", "forbidden", "required", "Required", "required", ""] {
            tasks.learn(try list(support))
            #expect(try tasks.mustBeTask(call("a")) == (support == "required"), "\(support)")
            #expect(try !tasks.mustBeTask(call("b")))
        }
        tasks.learn(try list("required"))
        tasks.learn(try Self.node(#"[{"name":"a"}]"#))
        #expect(try !tasks.mustBeTask(call("a")), "it says nothing any more")
    }

    @Test("M10, c59: so many tools are remembered; what has no text for a name is no task")
    func bounds() throws {
        func list(_ range: Range<Int>) throws -> JSONNode {
            let tools = range.map { #"{"name":"t\#($0)","execution":{"taskSupport":"required"}}"# }
            return try Self.node("[" + tools.joined(separator: ",") + "]")
        }
        func mustBeTask(_ number: Int) throws -> Bool {
            tasks.mustBeTask(
                try message(#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t\#(number)"}}"#))
        }
        var tasks = LegacyTasks()
        tasks.learn(try list(0..<5000))
        tasks.learn(try list(5000..<10_001))
        for (number, isKnown) in [(0, true), (9999, true), (10_000, false)] {
            #expect(try mustBeTask(number) == isKnown, "\(number)")
        }
        for (id, isOne) in [(#""t""#, true), ("7", false), ("null", false), ("{}", false)] {
            let made = try message(#"{"jsonrpc":"2.0","id":1,"result":{"task":{"taskId":\#(id)}}}"#)
            #expect(
                (LegacyTasks.task(in: made) != nil) == isOne && (LegacyTasks.name(in: made) != nil) == isOne, "\(id)")
        }
    }

    @Test("M08, c59: a list of tasks is not offered, the rest of what a server says of them is")
    func lists() throws {
        func answer(_ tasks: String) throws -> JSONRPCMessage {
            try message(#"{"jsonrpc":"2.0","id":1,"result":{"capabilities":{"tools":{},"tasks":\#(tasks)}}}"#)
        }
        let all = LegacyTasks.withoutList(try answer(#"{"list":{},"cancel":{},"requests":{}}"#))
        #expect(Self.text(all).contains(#""tasks":{"cancel":{},"requests":{}}"#), "\(Self.text(all))")
        let none = try answer(#"{"cancel":{}}"#)
        #expect(Self.text(LegacyTasks.withoutList(none)) == Self.text(none))
    }

    @Test("C14, M08: the name of a task is its holder's, and of no server's text of any length")
    func sealing() throws {
        let tasks = AggregateTasks(key: try #require(SealingKey([UInt8](repeating: 5, count: 32))))
        func opened(_ name: String?, _ holder: String) throws -> (server: String, own: [UInt8])? {
            tasks.open(Array(try #require(name).utf8), for: Array(holder.utf8))
        }
        let longest = [UInt8](repeating: 0x78, count: 4096)
        for own in [Array("t".utf8), longest] {
            let name = try tasks.seal(own, of: "one", for: Array("a".utf8))
            let task = try #require(try opened(name, "a"))
            #expect(task.server == "one" && task.own == own)
            #expect(try opened(name, "b") == nil)
        }
        #expect(try tasks.seal(longest + [0x78], of: "one", for: []) == nil)
    }

    @Test("C8, C14: of several servers tasks are offered as far as one of them has them, and their end by itself")
    func offers() throws {
        func offered(_ tasks: String) throws -> AggregateCapabilities {
            AggregateCapabilities(try Self.node(#"{"tasks":\#(tasks)}"#)).intersection([.tasks, .taskCancel])
        }
        #expect(try offered(#"{"requests":{"tools":{"call":{}}}}"#) == [.tasks])
        #expect(try offered(#"{"requests":{"tools":{"call":{}}},"cancel":{}}"#) == [.tasks, .taskCancel])
        for none in [#"{"cancel":{}}"#, #"{"requests":{}}"#, #"{"requests":{"tools":{"call":true}}}"#, "{}", "true"] {
            #expect(try offered(none) == [], "\(none)")
        }
    }
}
