import Crypto
import Storage

/// Where the key comes from that seals signing keys.
enum SealingKeySource: Sendable {
    /// The file in the data directory.
    case file(SealingKey)
    /// A new one for this process, because nothing is kept either.
    case fresh

    /// The key.
    func key() -> SealingKey {
        switch self {
        case .file(let key): key
        case .fresh: .random()
        }
    }
}

extension DataDirectory {
    /// The data directory, or a failure that says what to do.
    static func opened(_ path: String) throws(CommandFailure) -> DataDirectory {
        do throws(DatabaseOpeningError) {
            return try DataDirectory.open(path)
        } catch {
            throw CommandFailure(code: .cannotCreate, message: "\(error.path): \(error.problem)", hint: error.advice)
        }
    }
}
