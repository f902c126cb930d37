import AsyncIO

/// Where passwords are hashed: on threads of their own, half as many as there are cores. Whoever guesses passwords holds up
/// nothing else that blocks (the start of servers, names, files), and not the whole machine (O05).
enum PasswordThreads {
    private static let pool = BlockingExecutor(threads: max(1, EventLoopGroup.coreCount / 2), queue: 1000)

    /// Runs `body` on one of them.
    static func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await pool.run(body)
    }
}
