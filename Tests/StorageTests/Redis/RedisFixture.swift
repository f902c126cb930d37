import AsyncIO
import Telemetry
import TestSupport

@testable import Storage

/// A Redis store on a loop of its own, for tests of what only a server can do.
final class RedisFixture: Sendable {
    let store: RedisStore
    private let loop = EventLoop(name: "redis")

    init(_ url: String) throws {
        store = try RedisStore(
            location: try RedisLocation(parsing: url), loops: [loop], logger: Logger(label: "redis"))
    }

    deinit { loop.shutdown() }

    /// Keeps the loop until here.
    func keep() { withExtendedLifetime(loop) {} }
}
