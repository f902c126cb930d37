import Foundation
import Glibc

/// A `redis-server` of its own for one test: a free port, a folder of its own, nothing of the machine's configuration.
package final class RedisServer: Sendable {
    package let directory: TemporaryDirectory
    package let port: Int
    private let arguments: [String]
    private let programs = Ledger<RunningProgram>()

    /// Makes the folder; `configuration` are lines as in `redis.conf`.
    package init(
        port: Int? = nil, isSentinel: Bool = false, isEncrypted: Bool = false, configuration: [String] = []
    ) throws {
        directory = try TemporaryDirectory("redis")
        self.port = try port ?? FreePort.find()
        let lines =
            ["bind 127.0.0.1", "dir \(directory.path)"]
            + (isEncrypted ? ["port 0", "tls-port \(self.port)"] : ["port \(self.port)"])
            + (isSentinel ? [] : ["save \"\""]) + configuration
        let file = try directory.write("redis.conf", lines.joined(separator: "\n") + "\n")
        arguments = [file] + (isSentinel ? ["--sentinel"] : [])
    }

    deinit { kill() }

    /// The URL of the server.
    package var url: String { "redis://127.0.0.1:\(port)" }

    /// The running program; nil before the first start.
    package var program: RunningProgram? { programs.all.last }

    /// Starts it and waits until it answers; blocking.
    package func start() throws {
        let program = try RunningProgram("/usr/bin/redis-server", arguments, logs: directory, name: "redis")
        programs.record(program)
        let deadline = ContinuousClock.now + .seconds(10)
        while !isListening {
            if let exit = program.exit {
                throw DeadlineExceeded(what: "redis-server: \(exit) \(program.output.suffix(1000))")
            }
            guard ContinuousClock.now < deadline else {
                throw DeadlineExceeded(what: "redis-server does not listen: \(program.output.suffix(1000))")
            }
            Thread.sleep(forTimeInterval: 0.005)
        }
    }

    /// Ends it as a power cut would.
    package func kill() { program?.killTree() }

    /// Kills it and waits until it is gone.
    package func stop() async throws {
        kill()
        try await program?.waitUntilExit()
    }

    /// Stops it in its tracks: connections stay, nothing is answered.
    package func pause() { program?.signal(SIGSTOP) }

    /// Lets it go on.
    package func resume() { program?.signal(SIGCONT) }

    /// One command, as `redis-cli` sends it; blocking. Returns what it printed.
    @discardableResult
    package func command(_ words: String..., options: [String] = []) throws -> String {
        let arguments = ["-p", String(port)] + options + words
        return try RunningProgram.run("/usr/bin/redis-cli", arguments).text.trimmingCharacters(in: .newlines)
    }

    private var isListening: Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { Glibc.close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(truncatingIfNeeded: port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}
