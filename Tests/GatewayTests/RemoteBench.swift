import Crypto
import Foundation
import HTTP
import OAuth
import Synchronization
import TestSupport
import Testing

@testable import Gateway

/// A server behind HTTP of the test's own, as a program.
final class RemoteProcess: Sendable {
    /// One request that it read.
    struct Seen: Sendable {
        let verb: String
        let target: String
        let fields: [(name: String, value: String)]
        let body: String

        var method: String? { object["method"] as? String }
        var object: [String: Any] {
            (try? JSONSerialization.jsonObject(with: Data(body.utf8))) as? [String: Any] ?? [:]
        }
        func values(_ name: String) -> [String] {
            fields.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
        }
    }

    let directory: TemporaryDirectory
    let port: Int
    private let program: Mutex<RunningProgram?>

    /// Not yet started.
    init() throws {
        directory = try TemporaryDirectory("remote")
        port = try FreePort.find()
        program = Mutex(nil)
    }

    var url: String { "http://127.0.0.1:\(port)/mcp" }

    /// Starts it; one that ran has forgotten everything.
    func start(_ options: [String] = []) async throws {
        stop()
        let started = try RunningProgram(
            "/usr/bin/python3", ["-I", "-c", RemoteScript.server, "\(port)", directory.file("log")] + options,
            environment: ["PATH": "/usr/bin:/bin"], logs: directory, name: "remote")
        program.withLock { $0 = started }
        let (port, log) = (port, directory.file("log"))
        if options.contains("late") {
            return try await eventuallyTrue("the upstream to wait: \(started.errors)", within: .seconds(10)) {
                FileManager.default.fileExists(atPath: log)
            }
        }
        try await eventuallyTrue("the upstream to listen: \(started.errors)", within: .seconds(10)) {
            try await onThread {
                guard options.contains(where: { $0.hasPrefix("tls=") }) else {
                    return (try? PlainHTTP.exchange(port: port, "PUT", "/", timeout: 1)) != nil
                }
                return (try? PlainHTTP(port: port, timeout: 1)) != nil
            }
        }
    }

    /// Lets one listen that was started with `late`.
    func listen() throws { try directory.write("log.go", "") }

    /// Ends it at once.
    func stop() { program.withLock { $0?.killTree() } }

    /// Everything that it read, but the probes of ``start(_:)``.
    var seen: [Seen] {
        let text = (try? String(contentsOfFile: directory.file("log"), encoding: .utf8)) ?? ""
        return text.split(separator: "\n").compactMap { line in
            guard let entry = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any],
                let verb = entry["verb"] as? String, verb != "PUT"
            else { return nil }
            let fields = (entry["fields"] as? [[String]] ?? []).map { (name: $0[0], value: $0[1]) }
            return Seen(
                verb: verb, target: entry["target"] as? String ?? "", fields: fields,
                body: entry["body"] as? String ?? "")
        }
    }

    /// Whether it noticed that a stream of this tool was closed.
    func noticedEnd(of tool: String) -> Bool {
        ((try? String(contentsOfFile: directory.file("log"), encoding: .utf8)) ?? "").contains(
            "{\"closed\": \"\(tool)\"}")
    }

    deinit { stop() }
}

/// Signs nothing and says what it was given.
struct StubSigner: TokenSigner {
    func sign(_ payload: [UInt8], type: String) -> String? {
        "\(type).\(String(decoding: payload, as: UTF8.self).replacing("\n", with: ""))"
    }
}

/// Runs `body` with a gateway before a remote server `remote` and a program `demo`.
func withRemote(
    _ options: [String] = [], timeout: Duration = .seconds(20), protected: Bool = true,
    endpoint change: (inout RemoteEndpoint) throws -> Void = { _ in },
    gateway changeGateway: (inout GatewayConfiguration) -> Void = { _ in },
    _ body: (Bench, RemoteProcess) async throws -> Void
) async throws {
    let remote = try RemoteProcess()
    try await remote.start(options)
    let isEncrypted = options.contains { $0.hasPrefix("tls=") }
    var endpoint = RemoteEndpoint(url: try HTTPURL(isEncrypted ? "https" + remote.url.dropFirst(4) : remote.url))
    try change(&endpoint)
    let server = ServerDefinition(name: "remote", at: endpoint, callTimeout: timeout, startTimeout: .seconds(5))
    try await withBench([server, .python("demo", Script.server)], protected: protected, change: changeGateway) {
        bench in
        try await body(bench, remote)
    }
}

extension Bench {
    /// 50 MB of the server behind HTTP for somebody who reads the head only: it is held back, for as long as nobody reads, and
    /// goes on when somebody does.
    func floodsSlowReader() async throws {
        let (client, other) = (try await RemoteTests.open(self), try await RemoteTests.open(self, "bob"))
        let session = try #require(gateway.directory.all.first { $0.principal.userName == "Alice" })
        let stalled = try await client.streamed(PlainMCP.call("flood", id: 1, #"{"count":50000}"#))
        func sent() async throws -> Int { Int(try await other.say("sent", id: 2).text ?? "") ?? 0 }
        var (last, since) = (0, ContinuousClock.now)
        try await eventuallyTrue("nothing to be taken for a second", within: .seconds(30), every: .milliseconds(20)) {
            let now = try await sent()
            if now != last { (last, since) = (now, .now) }
            return last > 0 && since.duration(to: .now) > .seconds(1)
        }
        // What is on the way: the sockets of two connections, and three times a quarter of a MiB.
        #expect(last < 16 << 20, "\(last) bytes were taken")
        let limit = gateway.configuration.limits.undeliveredBytes
        let retained = await session.retainedBytes
        #expect(retained > limit && retained < 2 * limit, "\(retained) bytes wait")
        let taken = last
        try await eventuallyTrue("it to go on", within: .seconds(20)) {
            for _ in 0..<500 { _ = try await stalled.next() }
            return try await sent() > taken
        }
        stalled.cut()
    }
}

extension RemoteEndpoint.Field {
    init(_ name: HTTPFieldName, _ text: String) { self.init(name, Secret(Array(text.utf8))) }
}
