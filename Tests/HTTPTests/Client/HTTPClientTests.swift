import AsyncIO
import HTTP
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct HTTPClientTests {
    static func withServer(
        _ script: @escaping @Sendable (ByteStream) async throws -> Void,
        untilEnd end: String = "\r\n\r\n", policy: EgressPolicy = .configured,
        _ body: (HTTPClient, ScriptedServer, HTTPURL) async throws -> Void
    ) async throws {
        let group = EventLoopGroup(count: 1)
        let server = try await ScriptedServer.start(on: group, untilEnd: end, script)
        let client = HTTPClient(on: group.next(), policy: policy)
        try await body(client, server, try HTTPURL("http://127.0.0.1:\(server.port)/path?q=1"))
        await server.stop()
    }

    static func answer(_ text: String) -> @Sendable (ByteStream) async throws -> Void {
        { stream in try await stream.write(Array(text.utf8)) }
    }

    @Test func headAndBodyArrive() async throws {
        let script = Self.answer("HTTP/1.1 201 Created\r\nX-Test:  a b \r\nContent-Length: 5\r\n\r\nhello")
        try await Self.withServer(script) { client, server, url in
            let fields: HTTPFields = ["X-Own": "yes", "X-Empty": ""]
            let response = try await client.send(
                HTTPClientRequest(method: .post, url: url, fields: fields, body: .bytes(Array("body".utf8))))
            #expect(response.status == .created)
            #expect(response.fields["x-test"] == "a b")
            #expect(try await response.body.collect(upTo: 100) == Array("hello".utf8))
            let head = try #require(server.heads.first)
            #expect(head.hasPrefix("POST /path?q=1 HTTP/1.1\r\n"))
            #expect(head.lowercased().contains("x-own: yes\r\n") && head.lowercased().contains("x-empty:\r\n"))
            #expect(!head.lowercased().contains("expect"))
        }
    }

    @Test("R03: redirects are not followed") func redirects() async throws {
        let script = Self.answer("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")
        try await Self.withServer(script) { client, server, url in
            let response = try await client.send(
                HTTPClientRequest(url: url, fields: ["Authorization": "Bearer x"]))
            #expect(response.status == .found)
            #expect(try await response.body.next() == nil)
            #expect(server.heads.count == 1)
        }
    }

    @Test func bodiesStreamBothWays() async throws {
        let script: @Sendable (ByteStream) async throws -> Void = { stream in
            try await stream.write(Array("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".utf8))
            for _ in 0..<3 { try await stream.write(Array("3\r\nabc\r\n".utf8)) }
            try await stream.write(Array("0\r\n\r\n".utf8))
        }
        try await Self.withServer(script, untilEnd: "0\r\n\r\n") { client, server, url in
            let body = Self.parts(["part3", "part2", "", "part1"])
            let response = try await client.send(HTTPClientRequest(method: .post, url: url, body: body))
            #expect(try await response.body.collect(upTo: 100) == Array("abcabcabc".utf8))
            let sent = try #require(server.heads.first)
            #expect(sent.contains("\r\n\r\n5\r\npart3\r\n5\r\npart2\r\n5\r\npart1\r\n0\r\n\r\n"))
        }
    }

    /// A streamed body of these parts.
    static func parts(_ parts: [String], then end: (any Error)? = nil) -> HTTPClientRequest.Body {
        let left = PartsLeft(parts)
        return .stream {
            if let part = left.next() { return part }
            if let end { throw end }
            return nil
        }
    }

    @Test func aRequestBodyThatFailsIsNeverEnded() async throws {
        try await Self.withServer({ _ in }, untilEnd: "0\r\n\r\n") { client, server, url in
            let body = Self.parts(["half"], then: CancellationError())
            let error = await #expect(throws: HTTPClientError.self) {
                try await client.send(HTTPClientRequest(method: .post, url: url, body: body))
            }
            #expect(error?.code == .cancelled)
            try await eventuallyTrue("the server sees the connection end") { !server.heads.isEmpty }
            #expect(server.heads.first?.contains("half") == true)
            #expect(server.heads.first?.contains("0\r\n\r\n") == false)
        }
    }

    @Test("I07: a compressed answer is not asked for, and not taken") func compressed() async throws {
        let script = Self.answer("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc")
        try await Self.withServer(script) { client, server, url in
            let error = await #expect(throws: HTTPClientError.self) {
                try await client.send(HTTPClientRequest(url: url))
            }
            #expect(error?.code == .invalidResponse)
            #expect(server.heads.first?.lowercased().contains("accept-encoding: identity\r\n") == true)
        }
    }

    @Test(
        "H12: heads that are not HTTP are refused",
        arguments: [
            "HTTP/1.1 200 OK\r\nX-A: b\r\n folded: c\r\n\r\n", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
            "HTTP/1.1 200 OK\r\nX A: b\r\n\r\n", "HTTP/1.1 200 OK\r\nX-A: b\rSet-Cookie: c\r\n\r\n",
            "HTTP/1.1 200 OK\r\nX-A: b\0c\r\n\r\n", "garbage\r\n\r\n", "HTTP/1.1 101 Switching\r\n\r\n",
        ])
    func oddHeads(head: String) async throws {
        try await Self.withServer(Self.answer(head)) { client, _, url in
            let error = await #expect(throws: HTTPClientError.self) {
                try await client.send(HTTPClientRequest(url: url))
            }
            // An unasked change of protocol reads as an answer that never came.
            #expect(error?.code == (head.contains("101") ? .disconnected : .invalidResponse))
        }
    }

    @Test("I07: a head without end is refused") func longHead() async throws {
        let script: @Sendable (ByteStream) async throws -> Void = { stream in
            try await stream.write(Array("HTTP/1.1 200 OK\r\n".utf8))
            while true { try await stream.write(Array("X-More: 0123456789012345678901234567890123456789\r\n".utf8)) }
        }
        try await Self.withServer(script) { client, _, url in
            let error = await #expect(throws: HTTPClientError.self) {
                try await client.send(HTTPClientRequest(url: url))
            }
            #expect(error?.code == .tooLarge)
        }
    }

    @Test("M10: a body of single bytes costs no more than another") func singleBytes() async throws {
        let script: @Sendable (ByteStream) async throws -> Void = { stream in
            try await stream.write(Array("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".utf8))
            let part = Array(String(repeating: "1\r\nx\r\n", count: 2000).utf8)
            for _ in 0..<20 { try await stream.write(part) }
            try await stream.write(Array("0\r\n\r\n".utf8))
        }
        try await Self.withServer(script) { client, _, url in
            let response = try await client.send(HTTPClientRequest(url: url))
            var count = 0
            while let part = try await response.body.next() {
                count += part.count
                #expect(part.count <= 32 << 10)
            }
            #expect(count == 40_000)
        }
    }

    @Test("I07: a body over the limit ends the transfer") func tooLarge() async throws {
        let script: @Sendable (ByteStream) async throws -> Void = { stream in
            try await stream.write(Array("HTTP/1.1 200 OK\r\n\r\n".utf8))
            for _ in 0..<64 { try await stream.write([UInt8](repeating: 0, count: 65_536)) }
        }
        var policy = EgressPolicy.configured
        policy.maximumBodyBytes = 100_000
        try await Self.withServer(script, policy: policy) { client, _, url in
            let response = try await client.send(HTTPClientRequest(url: url))
            let error = await #expect(throws: HTTPClientError.self) {
                try await response.body.collect(upTo: 10_000_000)
            }
            #expect(error?.code == .tooLarge)
        }
    }

    @Test("I07: silence and drips end at the total timeout", arguments: [true, false]) func slow(drips: Bool)
        async throws
    {
        var policy = EgressPolicy.configured
        policy.totalTimeout = .milliseconds(300)
        try await Self.withServer(
            { stream in
                try await stream.write(Array("HTTP/1.1 200 OK\r\nX-Slow: ".utf8))
                while drips {
                    try await stream.loop.sleep(for: .milliseconds(20))
                    try await stream.write(Array("a".utf8))
                }
                _ = try await stream.read()
            }, policy: policy
        ) { client, _, url in
            let error = await #expect(throws: HTTPClientError.self) {
                try await client.send(HTTPClientRequest(url: url))
            }
            #expect(error?.code == .timeout)
        }
    }

    @Test("I07: a connection that nobody accepts is given up; the limits are 3 s, 10 s and 1 MiB")
    func neverConnects() async throws {
        for policy in [EgressPolicy.configured, .publicOnly] {
            #expect(policy.connectTimeout == .seconds(3) && policy.totalTimeout == .seconds(10))
            #expect(policy.maximumBodyBytes == 1 << 20)
        }
        let full = try FullListener()
        var policy = EgressPolicy.configured
        policy.connectTimeout = .milliseconds(300)
        let client = HTTPClient(on: EventLoopGroup(count: 1).loops[0], policy: policy)
        let url = try HTTPURL("http://127.0.0.1:\(full.port)/")
        let before = ContinuousClock.now
        let error = await #expect(throws: HTTPClientError.self) { try await client.send(HTTPClientRequest(url: url)) }
        #expect(error?.code == .timeout || error?.code == .connectFailed)
        #expect(ContinuousClock.now - before < .seconds(5), "before the total timeout")
    }

    @Test func aReaderThatWaitsMakesThePeerWait() async throws {
        let written = WrittenBytes()
        var policy = EgressPolicy.configured
        policy.maximumBodyBytes = nil
        policy.totalTimeout = nil
        try await Self.withServer(
            { stream in
                try await stream.write(Array("HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n".utf8))
                for _ in 0..<1024 {
                    try await stream.write([UInt8](repeating: 1, count: 65_536))
                    written.add(65_536)
                }
            }, policy: policy
        ) { client, _, url in
            let response = try await client.send(HTTPClientRequest(url: url))
            // What the kernel's buffers take is not ours; a steady figure far below the whole is.
            try await written.isSteady(on: client.loop)
            #expect(written.count < 32 << 20)
            var total = 0
            while let part = try await response.body.next() { total += part.count }
            #expect(total == 64 << 20)
        }
    }

    @Test func cancellingTheTaskEndsTheTransfer() async throws {
        try await Self.withServer({ stream in _ = try await stream.read() }) { client, server, url in
            let task = Task { try await client.send(HTTPClientRequest(url: url)) }
            while server.heads.isEmpty { await Task.yield() }
            task.cancel()
            let result = await task.result
            #expect(throws: HTTPClientError.self) { try result.get() }
        }
    }

    @Test func cancellingTheReaderClosesTheConnection() async throws {
        let isClosed = Atomic(false)
        try await Self.withServer({ stream in
            try await stream.write(Array("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello".utf8))
            // An end or a reset: either way the client is gone.
            _ = try? await stream.read()
            isClosed.store(true, ordering: .relaxed)
        }) { client, _, url in
            let response = try await client.send(HTTPClientRequest(url: url))
            #expect(try await response.body.next() == Array("hello".utf8))
            let task = Task { try await response.body.next() }
            task.cancel()
            let result = await task.result
            #expect(throws: HTTPClientError.self) { try result.get() }
            try await eventuallyTrue("the connection is closed") { isClosed.load(ordering: .relaxed) }
        }
    }

    @Test func aClientIsLetGoAnywhereAnyTime() async throws {
        let script = Self.answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        let group = EventLoopGroup(count: 1)
        let server = try await ScriptedServer.start(on: group, script)
        let url = try HTTPURL("http://127.0.0.1:\(server.port)/")
        for number in 0..<20 {
            var client: HTTPClient? = HTTPClient(on: group.next(), policy: .configured)
            let response = try await client?.send(HTTPClientRequest(url: url))
            if number % 2 == 0 { _ = try await response?.body.collect(upTo: 10) }
            client = nil
        }
        await server.stop()
    }

    @Test func aCutBodyIsNotAWholeOne() async throws {
        let script = Self.answer("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello")
        try await Self.withServer(script) { client, _, url in
            let response = try await client.send(HTTPClientRequest(url: url))
            let error = await #expect(throws: HTTPClientError.self) { try await response.body.collect(upTo: 100) }
            #expect(error?.code == .disconnected)
        }
    }

    @Test func nobodyListening() async throws {
        let group = EventLoopGroup(count: 1)
        let client = HTTPClient(on: group.next(), policy: .configured)
        let error = await #expect(throws: HTTPClientError.self) {
            try await client.send(HTTPClientRequest(url: try HTTPURL("http://127.0.0.1:1/")))
        }
        #expect(error?.code == .connectFailed)
    }
}

/// Counts what a script could write.
final class WrittenBytes: Sendable {
    private let bytes = Atomic(0)

    var count: Int { bytes.load(ordering: .relaxed) }

    func add(_ number: Int) { bytes.add(number, ordering: .relaxed) }

    /// Waits until the count has stopped growing for 50 ms.
    func isSteady(on loop: EventLoop) async throws {
        var last = -1
        while count == 0 || count != last {
            last = count
            try await loop.sleep(for: .milliseconds(50))
        }
    }
}

/// Hands out the parts of a body, one a call.
final class PartsLeft: Sendable {
    private let parts: Mutex<ArraySlice<String>>

    init(_ parts: [String]) { self.parts = Mutex(parts[...]) }

    func next() -> [UInt8]? { parts.withLock { $0.popFirst() }.map { Array($0.utf8) } }
}
