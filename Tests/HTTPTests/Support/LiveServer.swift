import AsyncIO
import Crypto
import Foundation
import Synchronization
import Telemetry
import TestSupport

@testable import HTTP

/// A real server in this process, with a responder that records what reached it.
final class LiveServer: Sendable {
    static let group = EventLoopGroup(count: 2)

    let server: HTTPServer
    let port: Int
    let seen: Ledger<String>
    /// Its access log.
    let accesses = Ledger<LogLine>()

    /// Runs `body` against a server and drains it afterwards.
    static func run<Value: Sendable>(
        _ configure: (inout HTTPServerConfiguration) -> Void = { _ in },
        responder: (any HTTPResponder)? = nil, tls: ServedTLS? = nil, clock: WallClock = .system,
        _ body: @escaping @Sendable (LiveServer) async throws -> Value
    ) async throws -> Value {
        var configuration = HTTPServerConfiguration()
        configuration.lingerTimeout = .milliseconds(200)
        configuration.courtesy = .zero
        configure(&configuration)
        let live = try await LiveServer(configuration, responder, tls, clock)
        do {
            let value = try await body(live)
            await live.server.drain(within: .milliseconds(500))
            return value
        } catch {
            await live.server.drain(within: .zero)
            throw error
        }
    }

    private init(
        _ configuration: HTTPServerConfiguration, _ responder: (any HTTPResponder)?, _ tls: ServedTLS?,
        _ clock: WallClock
    ) async throws {
        let seen = Ledger<String>()
        self.seen = seen
        let recording = HTTPHandler { request, body in
            seen.record("\(request.method.rawValue) \(request.path)")
            if let responder { return await responder.respond(to: request, body: body) }
            do throws(HTTPBodyError) {
                let content = try await body.collect(upTo: 4 << 20)
                return .text(
                    .ok, "\(request.method.rawValue) \(request.path) \(String(decoding: content, as: UTF8.self))")
            } catch {
                return .text(error == .tooLarge ? .contentTooLarge : .badRequest, "\(error)")
            }
        }
        server = HTTPServer(
            configuration: configuration, group: Self.group, responder: recording,
            logger: Logger(label: "test", sink: LogSink(capture: { _ in })),
            access: Logger(label: "access", sink: LogSink(capture: { [accesses] in accesses.record($0) })),
            clock: clock)
        port = try await server.start(on: SocketAddress(parsing: "127.0.0.1:0"), tls: tls).port
    }

    /// Sends `pieces` one after the other and returns all that comes until the server closes.
    func exchange(_ pieces: [[UInt8]], pause: Double = 0) async throws -> String {
        let port = port
        return try await onThread {
            let connection = try PlainConnection(port: port, timeout: 10)
            for piece in pieces {
                // A server that has refused already may have closed.
                do { try connection.send(piece) } catch { break }
                if pause > 0 { Pause.seconds(pause) }
            }
            return String(decoding: try connection.receiveAll(), as: UTF8.self)
        }
    }

    func exchange(_ text: String) async throws -> String {
        try await exchange([Array(text.utf8)])
    }

    /// Status codes of the responses in what came.
    static func statuses(_ answer: String) -> [Int] {
        answer.components(separatedBy: "HTTP/1.1 ").dropFirst().compactMap { Int($0.prefix(3)) }
    }
}
