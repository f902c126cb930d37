import Crypto
import Synchronization

/// A password hash that no password fits, made once.
final class DecoyHash: Sendable {
    private let cached = Mutex<String?>(nil)

    /// The hash. The first call costs one hashing, so it belongs on the blocking executor.
    func text() throws -> String {
        if let text = cached.withLock({ $0 }) { return text }
        let made = try PasswordHash.hash(Random.bytes(32))
        cached.withLock { $0 = made }
        return made
    }
}
