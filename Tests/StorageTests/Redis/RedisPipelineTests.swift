import AsyncIO
import Testing

@testable import Storage

/// The state of a connection without a connection: every event in every state.
@Suite("Redis pipeline")
struct RedisPipelineTests {
    private typealias Pipeline = RedisPipeline<String>

    /// A pipeline whose steps can stand in an expectation.
    private final class Box {
        private var pipeline = Pipeline()

        var count: Int { pipeline.count }
        var deadline: LoopInstant? { pipeline.deadline }
        func add(_ request: Pipeline.Request) -> Bool { pipeline.add(request) }
        func flush(requiredReplicas: Int, deadline: LoopInstant) -> [UInt8] {
            pipeline.flush(requiredReplicas: requiredReplicas, deadline: deadline)
        }
        func receive(_ reply: RESPValue) -> [Pipeline.Answer]? { pipeline.receive(reply) }
        func lose(_ reason: String) -> [Pipeline.Answer] { pipeline.lose(reason) }
        func fail(_ reason: String) -> [Pipeline.Answer] { pipeline.fail(reason) }
    }

    private let deadline = LoopInstant(nanoseconds: 1_000)

    private func request(_ caller: String, isDurable: Bool = false) -> Pipeline.Request {
        Pipeline.Request(bytes: Array("[\(caller)]".utf8), isDurable: isDurable, caller: caller)
    }

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    private func callers(_ answers: [Pipeline.Answer]?) -> [String]? {
        answers?.map { answer in
            switch answer.result {
            case .success(let reply): "\(answer.caller) \(reply.text ?? "?")"
            case .failure(.lost): "\(answer.caller) lost"
            case .failure(.unreachable): "\(answer.caller) unreachable"
            case .failure(.refused(let code, _)): "\(answer.caller) \(code)"
            }
        }
    }

    private func reply(_ text: String) -> RESPValue { .bytes(Array(text.utf8)) }

    @Test("replies go to the callers in the order of the commands")
    func order() {
        let pipeline = Box()
        for caller in ["a", "b", "c"] { #expect(pipeline.add(request(caller))) }
        #expect(pipeline.deadline == nil, "nothing is in flight")
        #expect(text(pipeline.flush(requiredReplicas: 0, deadline: deadline)) == "[a][b][c]")
        #expect(pipeline.flush(requiredReplicas: 0, deadline: deadline).isEmpty)
        #expect(pipeline.deadline == deadline)
        #expect(callers(pipeline.receive(reply("1"))) == ["a 1"])
        #expect(pipeline.add(request("d")))
        #expect(text(pipeline.flush(requiredReplicas: 0, deadline: deadline)) == "[d]")
        #expect(callers(pipeline.receive(reply("2"))) == ["b 2"])
        #expect(callers(pipeline.receive(.error("NOSCRIPT no"))) == ["c NOSCRIPT"])
        #expect(callers(pipeline.receive(reply("4"))) == ["d 4"])
        #expect(pipeline.count == 0 && pipeline.deadline == nil)
        #expect(pipeline.receive(reply("5")) == nil, "a reply that nobody asked for")
    }

    @Test("F11: durable answers are held back until the replicas have confirmed; others and errors are not")
    func confirmation() {
        let pipeline = Box()
        for caller in ["write", "failed"] { _ = pipeline.add(request(caller, isDurable: true)) }
        _ = pipeline.add(request("read"))
        let bytes = text(pipeline.flush(requiredReplicas: 2, deadline: deadline))
        #expect(bytes == "[write][failed][read]*3\r\n$4\r\nWAIT\r\n$1\r\n2\r\n$3\r\n400\r\n")
        #expect(callers(pipeline.receive(reply("1"))) == [])
        #expect(callers(pipeline.receive(.error("OOM full"))) == ["failed OOM"])
        #expect(callers(pipeline.receive(reply("3"))) == ["read 3"])
        #expect(pipeline.count == 2)
        #expect(callers(pipeline.receive(.integer(2))) == ["write 1"])
        #expect(pipeline.count == 0)
    }

    @Test(
        "F11: too few confirmations, or none that is a number, are no success",
        arguments: [RESPValue.integer(1), .null])
    func unconfirmed(_ answer: RESPValue) {
        let pipeline = Box()
        _ = pipeline.add(request("write", isDurable: true))
        _ = pipeline.flush(requiredReplicas: 2, deadline: deadline)
        _ = pipeline.receive(reply("1"))
        #expect(callers(pipeline.receive(answer)) == ["write lost"])
    }

    @Test("F10: when the connection is gone, who was in flight does not know and who was queued waits for the next one")
    func losing() {
        let pipeline = Box()
        _ = pipeline.add(request("held", isDurable: true))
        _ = pipeline.add(request("sent"))
        _ = pipeline.flush(requiredReplicas: 1, deadline: deadline)
        _ = pipeline.receive(reply("1"))
        _ = pipeline.add(request("queued"))
        #expect(callers(pipeline.lose("gone")) == ["held lost", "sent lost"])
        #expect(pipeline.count == 1 && pipeline.deadline == nil)
        #expect(text(pipeline.flush(requiredReplicas: 0, deadline: deadline)) == "[queued]")
        #expect(callers(pipeline.receive(reply("2"))) == ["queued 2"])
        _ = pipeline.add(request("late"))
        #expect(callers(pipeline.fail("down")) == ["late unreachable"])
        #expect(pipeline.count == 0)
    }

    @Test("it takes a bounded number of commands and bytes")
    func bounds() {
        let pipeline = Box()
        let large = Pipeline.Request(
            bytes: [UInt8](repeating: 0, count: Pipeline.byteCapacity), isDurable: false, caller: "large")
        #expect(pipeline.add(large))
        #expect(!pipeline.add(request("one more")))
        _ = pipeline.flush(requiredReplicas: 0, deadline: deadline)
        for _ in 1..<Pipeline.capacity { _ = pipeline.add(request("x")) }
        #expect(pipeline.count == Pipeline.capacity)
        #expect(!pipeline.add(request("one more")))
    }

    @Test("replies are the same whole, byte by byte and split anywhere")
    func splits() throws {
        let bytes = Array("*3\r\n$2\r\na\n\r\n:-7\r\n*1\r\n$-1\r\n-ERR no\r\n+OK\r\n".utf8)
        let expected: [RESPValue] = [
            .array([.bytes(Array("a\n".utf8)), .integer(-7), .array([.null])]), .error("ERR no"),
            .bytes(Array("OK".utf8)),
        ]
        for split in 0...bytes.count {
            #expect(try replies([Array(bytes[..<split]), Array(bytes[split...])]) == expected, "\(split)")
        }
        #expect(try replies(bytes.map { [$0] }) == expected)
        #expect(throws: RESPReader.Failure.self) { _ = try replies([Array("HTTP/1.1 400 Bad Request\r\n".utf8)]) }
    }

    private func replies(_ pieces: [[UInt8]]) throws -> [RESPValue] {
        var reader = RESPReader()
        var found: [RESPValue] = []
        for piece in pieces where !piece.isEmpty {
            try reader.feed(piece)
            while let reply = try reader.next() { found.append(reply) }
        }
        return found
    }

    @Test("S01: no argument can end a command or pretend to be two")
    func encoding() {
        let hostile = ["", "a\r\nFLUSHALL\r\n", "$5\r\n", "\0", "é"]
        for text in hostile {
            let bytes = RESPCommand.encode(["SET", text, text].map { Array($0.utf8) })
            let count = text.utf8.count
            let expected = "*3\r\n$3\r\nSET\r\n$\(count)\r\n\(text)\r\n$\(count)\r\n\(text)\r\n"
            #expect(bytes == Array(expected.utf8))
        }
    }
}
