import AsyncIO
import Foundation
import Telemetry
import TestSupport
import Testing

@testable import HTTP

/// What a connection may take, of time, room and turns, and how it ends with the server.
@Suite(.timeLimit(.minutes(2))) struct ServerBoundsTests {
    @Test("H08: half a head is answered with 408, silence with nothing")
    func slowHead() async throws {
        try await LiveServer.run({ $0.headTimeout = .milliseconds(200) }) { live in
            let half = try await live.exchange("GET / HTTP/1.1\r\nHost: a\r\n")
            #expect(LiveServer.statuses(half) == [408])
            let silence = try await live.exchange("")
            #expect(silence == "")
            #expect(live.seen.all == [])
        }
    }

    @Test("H08: a head that drips is cut by the clock, not by the pause")
    func drippingHead() async throws {
        try await LiveServer.run({ $0.headTimeout = .milliseconds(300) }) { live in
            let drops = Array("GET / HTTP/1.1\r\nX: \(String(repeating: "a", count: 200))".utf8).map { [$0] }
            let start = ContinuousClock.now
            let answer = try await live.exchange(drops, pause: 0.02)
            #expect(LiveServer.statuses(answer) == [408] || answer.isEmpty)
            #expect(ContinuousClock.now - start < .seconds(8))
            #expect(live.seen.all == [])
        }
    }

    @Test("H08: a connection that rests is closed")
    func idle() async throws {
        try await LiveServer.run({ $0.idleTimeout = .milliseconds(200) }) { live in
            let answer = try await live.exchange("GET /one HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(LiveServer.statuses(answer) == [200])
            #expect(!answer.contains("connection: close"))
        }
    }

    @Test("H08: content that pauses is answered with 408")
    func pausingContent() async throws {
        try await LiveServer.run({ $0.bodyIdleTimeout = .milliseconds(200) }) { live in
            let answer = try await live.exchange("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc")
            #expect(LiveServer.statuses(answer) == [408])
            #expect(answer.contains("connection: close"))
        }
    }

    @Test("H08: content that drips below the minimum rate is answered with 408")
    func drippingContent() async throws {
        try await LiveServer.run({
            $0.bodyGrace = .milliseconds(200)
            $0.bodyMinimumRate = 1000
        }) { live in
            let head = Array("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n".utf8)
            let answer = try await live.exchange([head] + Array(repeating: [120], count: 100), pause: 0.02)
            #expect(LiveServer.statuses(answer) == [408] || answer.isEmpty)
        }
    }

    @Test("H08: a reader that takes nothing is cut, and the writer was suspended until then")
    func slowReader() async throws {
        let written = Ledger<Int>()
        let flooding = HTTPHandler { _, _ in
            HTTPResponse(
                status: .ok,
                body: .stream { writer in
                    do {
                        for count in 1...10_000 {
                            try await writer.write([UInt8](repeating: 120, count: 65_536))
                            written.record(count)
                        }
                    } catch {
                        written.record(-1)
                        throw error
                    }
                })
        }
        try await LiveServer.run({ $0.writeTimeout = .milliseconds(300) }, responder: flooding) { live in
            let port = live.port
            let connection = try await onThread {
                let connection = try PlainConnection(port: port)
                try connection.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
                return Holder(connection)
            }
            try await eventuallyTrue("the writer is cut") { written.all.last == -1 }
            // What the kernel buffers, not what the handler would like to send.
            #expect(written.count < 1000)
            try await eventuallyTrue("the connection is gone") { live.server.connectionCount == 0 }
            withExtendedLifetime(connection) {}
        }
    }

    /// Connections that are in use.
    private static func held(_ count: Int, _ port: Int) async throws -> [Holder<PlainConnection>] {
        try await onThread {
            try (0..<count).map { _ in
                let connection = try PlainConnection(port: port)
                try connection.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
                _ = try connection.receiveLine()
                return Holder(connection)
            }
        }
    }

    /// What a connection hears that says nothing.
    private static func newcomer(_ port: Int) async throws -> [Int] {
        let answer = try await onThread {
            String(decoding: try PlainConnection(port: port).receiveAll(), as: UTF8.self)
        }
        return LiveServer.statuses(answer)
    }

    @Test("H08: connections beyond the bound get 503 at once")
    func connectionLimit() async throws {
        try await LiveServer.run({ $0.maximumConnections = 1 }) { live in
            let port = live.port
            let open = try await Self.held(1, port)
            #expect(try await Self.newcomer(port) == [503])
            for holder in open { holder.value = nil }
            try await eventuallyTrue("there is room again") { live.server.connectionCount == 0 }
            let last = try await live.exchange("GET /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            #expect(LiveServer.statuses(last) == [200])
        }
    }

    @Test("H08: who has sent many requests at once is answered in turn with others, not before them")
    func turns() async throws {
        let (begun, sent) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let order = Ledger<String>()
        let handler = HTTPHandler { request, _ in
            order.record(request.path)
            if request.path == "/first" {
                // The loop stands still until the other one's request lies before it.
                begun.signal()
                Self.wait(sent)
            }
            return .text(.ok, request.path)
        }
        let group = EventLoopGroup(count: 1)
        defer { group.shutdown() }
        let server = HTTPServer(
            group: group, responder: handler, logger: Logger(label: "test", sink: LogSink(capture: { _ in })))
        let port = try await server.start(on: SocketAddress(parsing: "127.0.0.1:0")).port
        try await onThread {
            let other = try PlainConnection(port: port)
            try other.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
            _ = try other.receiveLine()
            let many = try PlainConnection(port: port)
            let rest = String(repeating: "GET /many HTTP/1.1\r\nHost: a\r\n\r\n", count: 99)
            let last = "GET /many HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
            try many.send("GET /first HTTP/1.1\r\nHost: a\r\n\r\n" + rest + last)
            Self.wait(begun)
            try other.send("GET /other HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            sent.signal()
            _ = try other.receiveAll()
            let before = try #require(order.all.firstIndex(of: "/other"))
            #expect(before < 10, "\(before) were answered first")
            let answers = String(decoding: try many.receiveAll(), as: UTF8.self)
            #expect(LiveServer.statuses(answers).count == 101)
        }
        await server.drain(within: .milliseconds(200))
    }

    @Test("connections from one address are bounded when asked for")
    func addressLimit() async throws {
        try await LiveServer.run({ $0.maximumConnectionsPerAddress = 2 }) { live in
            let port = live.port
            let open = try await Self.held(2, port)
            #expect(try await Self.newcomer(port) == [503])
            for holder in open { holder.value = nil }
        }
    }

    @Test("F20: draining finishes what is being answered, says close, and takes nothing new")
    func drain() async throws {
        let events = Ledger<String>()
        let slow = HTTPHandler { _, _ in
            events.record("begun")
            try? await Task.sleep(for: .milliseconds(300))
            return .text(.ok, "done")
        }
        try await LiveServer.run(responder: slow) { live in
            let port = live.port
            async let idle = live.exchange("")
            async let busy = live.exchange("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
            try await eventuallyTrue("both are connected") {
                events.count == 1 && live.server.connectionCount == 2
            }
            let start = ContinuousClock.now
            await live.server.drain(within: .seconds(5))
            #expect(ContinuousClock.now - start < .seconds(3))
            let answer = try await busy
            #expect(LiveServer.statuses(answer) == [200])
            #expect(answer.contains("connection: close"))
            let nothing = try await idle
            #expect(nothing == "")
            #expect(live.server.connectionCount == 0)
            await #expect(throws: PlainConnectionError.self) {
                try await onThread { _ = try PlainConnection(port: port) }
            }
        }
    }

    @Test("F20: a request that was on its way when the server leaves is answered, and its connection is the last")
    func courtesy() async throws {
        try await LiveServer.run({ $0.courtesy = .seconds(30) }) { live in
            let port = live.port
            let (used, fresh) = try await onThread {
                let used = try PlainHTTP(port: port)
                try used.send("GET", "/first")
                #expect(try used.receive().header("connection") == nil)
                return (Holder(used), Holder(try PlainHTTP(port: port)))
            }
            try await eventuallyTrue("both are connected") { live.server.connectionCount == 2 }
            async let left: Void = live.server.leave(within: .seconds(20))
            try await eventuallyTrue("nobody listens") {
                try await onThread { (try? PlainConnection(port: port)) == nil }
            }
            for holder in [used, fresh] {
                let answer = try await onThread {
                    let http = try #require(holder.value)
                    try http.send("GET", "/late")
                    let answer = try http.receive()
                    #expect(try http.connection.receive() == nil)
                    return answer
                }
                #expect(answer.status == 200 && answer.header("connection") == "close")
            }
            await left
        }
    }

    @Test("F20: a connection that brings nothing more is let go after the moment that it has")
    func courtesyEnds() async throws {
        try await LiveServer.run({ $0.courtesy = .milliseconds(50) }) { live in
            let port = live.port
            let silent = try await onThread { Holder(try PlainConnection(port: port)) }
            try await eventuallyTrue("it is connected") { live.server.connectionCount == 1 }
            await live.server.leave(within: .seconds(20))
            #expect(try await onThread { try silent.value?.receive() } == nil)
        }
    }

    @Test("F20: what does not end within the time is cut")
    func drainDeadline() async throws {
        let endless = HTTPHandler { _, _ in
            HTTPResponse(status: .ok, body: .stream { _ in try await Task.sleep(for: .seconds(60)) })
        }
        try await LiveServer.run(responder: endless) { live in
            async let answer = live.exchange("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
            try await eventuallyTrue("the stream is open") { live.seen.count == 1 }
            await live.server.drain(within: .milliseconds(100))
            #expect(live.server.connectionCount == 0)
            let text = (try? await answer) ?? ""
            #expect(!text.contains("0\r\n\r\n"))
        }
    }

    private static func wait(_ semaphore: DispatchSemaphore) {
        #expect(semaphore.wait(timeout: .now() + 20) == .success)
    }
}
