import AsyncIO
import Foundation
import MCP
import OAuth
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import Gateway

/// What waits between the loop of a shared server and those of its sessions.
@Suite("Between the loops of a shared server", .timeLimit(.minutes(1)))
struct SharedQueueTests {
    private final class Box<Value: Sendable>: Sendable {
        private let mutex: Mutex<Value>
        init(_ value: Value) { mutex = Mutex(value) }
        var value: Value {
            get { mutex.withLock { $0 } }
            set { mutex.withLock { $0 = newValue } }
        }
    }

    /// A server that the test speaks for.
    // SAFETY: used on its loop; what the test reads is behind locks.
    private final class Puppet: ServerConnection, @unchecked Sendable {
        let holds = Mutex<[Bool]>([])
        let heard = Mutex<[[UInt8]]>([])
        private var take: (([LineFramer.Line]) -> Void)?

        var details: LogMetadata { [:] }
        func enqueue(_ line: [UInt8]) throws(IOError) -> Bool {
            heard.withLock { $0.append(line) }
            return true
        }
        func flush() throws(IOError) {}
        func listen(
            _ take: @escaping ([LineFramer.Line]) -> Void, lost: @escaping @Sendable (ConnectionLoss) -> Void
        ) { self.take = take }
        func holdOutput(_ isHeld: Bool) { holds.withLock { $0.append(isHeld) } }
        func end(after loss: ConnectionLoss) async -> SessionEnd { .closedOutput }
        func stop() async {}
        func say(_ text: String) { take?([.complete(Array(text.utf8))]) }
    }

    private struct PuppetUpstream: Upstream {
        let puppet: Puppet
        func prepare(
            for principal: Principal, on loop: EventLoop
        ) async throws(UpstreamError) -> @Sendable () -> any ServerConnection {
            { [puppet] in puppet }
        }
    }

    /// A session with a shared server, each on a loop of its own.
    private final class Setting: Sendable {
        let loops = EventLoopGroup(count: 2)
        let puppet = Puppet()
        let server: SharedServer
        let session: SharedConnection
        let received = Mutex<[Int]>([])
        var serverLoop: EventLoop { loops.loops[0] }
        var sessionLoop: EventLoop { loops.loops[1] }

        init() async throws {
            var definition = ServerDefinition(name: "a", command: "x")
            definition.isolation = .shared
            server = SharedServer(
                definition, for: .everybody, limits: GatewayLimits(),
                discarded: MetricsRegistry().counter("discarded", help: ""), on: loops.loops[0], whenEnded: { _ in },
                whenGone: {})
            session = SharedConnection(server, for: UserID("alice"), on: loops.loops[1])
            #expect(try await server.ready(PuppetUpstream(puppet: puppet), for: .anonymous))
            let hello = #"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}"#
            sessionLoop.execute { [self] in
                session.listen { lines in
                    for case .complete(let line) in lines { self.received.withLock { $0.append(line.count) } }
                } lost: { _ in
                }
                try? session.send(Array("\(hello)\n".utf8))
            }
            let welcome = #"{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25","capabilities":{}}}"#
            serverLoop.execute { [self] in puppet.say(welcome) }
            try await eventuallyTrue("shaken hands") { received.withLock { $0.count == 1 } }
        }

        /// Keeps `loop` busy until the result is called.
        func occupy(_ loop: EventLoop) async throws -> @Sendable () -> Void {
            let busy = Box(false)
            let done = DispatchSemaphore(value: 0)
            loop.execute {
                busy.value = true
                done.wait()
            }
            try await eventuallyTrue("busy") { busy.value }
            return { _ = done.signal() }
        }

        func end() async throws {
            let loops = loops
            try await onThread { loops.shutdown() }
        }
    }

    @Test("M10: a server is held back while the loops of its sessions do not keep up, and goes on when they have")
    func towardsSessions() async throws {
        let setting = try await Setting()
        let goOn = try await setting.occupy(setting.sessionLoop)
        let padding = String(repeating: "x", count: 1 << 20)
        let news = #"{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"x":"\#(padding)"}}"#
        for _ in 0..<20 { setting.serverLoop.execute { setting.puppet.say(news) } }
        try await eventuallyTrue("held back") { setting.puppet.holds.withLock { $0 == [true] } }
        goOn()
        try await eventuallyTrue("it goes on") { setting.puppet.holds.withLock { $0 == [true, false] } }
        try await eventuallyTrue("nothing is lost") { setting.received.withLock { $0.count == 21 } }
        try await setting.end()
    }

    @Test("M10: a session that sends more than its server's loop takes is refused until it has")
    func towardsServer() async throws {
        let setting = try await Setting()
        let goOn = try await setting.occupy(setting.serverLoop)
        let line = Array((String(repeating: "x", count: 1 << 20) + "\n").utf8)
        let outcome = Box<(taken: Int, error: IOError?)?>(nil)
        setting.sessionLoop.execute {
            var taken = 0
            do throws(IOError) {
                while taken < 64 {
                    try setting.session.send(line)
                    taken += 1
                }
                outcome.value = (taken, nil)
            } catch {
                outcome.value = (taken, error)
            }
        }
        let (taken, error) = try await eventually("an outcome") { outcome.value }
        #expect(taken == 7 && error == .overloaded, "\(taken)")
        goOn()
        let again = Box(false)
        try await eventuallyTrue("there is room again") {
            setting.sessionLoop.execute { if (try? setting.session.send(line)) != nil { again.value = true } }
            return again.value
        }
        try await setting.end()
    }
}
