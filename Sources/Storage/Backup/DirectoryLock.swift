import Glibc
import Synchronization

/// Who uses a data directory: any number of programs at once, or one that replaces what is in it. The system takes the lock
/// back when its owner dies, however that happens.
final class DirectoryLock: Sendable {
    private static let name = "lock"

    private let descriptor: Mutex<Int32>

    private init(descriptor: Int32) {
        self.descriptor = Mutex(descriptor)
    }

    deinit { release() }

    /// Shares the directory with everybody who does not replace it.
    static func shared(_ directory: String) throws(DatabaseOpeningError) -> DirectoryLock {
        try take(directory, LOCK_SH, problem: "is being restored from a backup", advice: "wait until that has ended")
    }

    /// Has the directory alone, or fails: somebody uses it.
    static func exclusive(_ directory: String) throws(DatabaseOpeningError) -> DirectoryLock {
        try take(
            directory, LOCK_EX, problem: "is in use by a gateway or a command",
            advice: "stop the gateway first; nothing was changed")
    }

    /// Lets go before the end of this object.
    func release() {
        descriptor.withLock { descriptor in
            if descriptor >= 0 {
                // A child that was begun a moment ago shares it until its own program runs, and would keep the lock so long.
                _ = flock(descriptor, LOCK_UN)
                close(descriptor)
            }
            descriptor = -1
        }
    }

    private static func take(
        _ directory: String, _ kind: Int32, problem: String, advice: String
    ) throws(DatabaseOpeningError) -> DirectoryLock {
        let path = "\(directory)/\(name)"
        let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            let reason = unsafe String(cString: strerror(errno))
            throw DatabaseOpeningError(
                path: path, problem: "cannot be opened: \(reason)", advice: DatabaseOpening.adviceToCheckAccess)
        }
        guard flock(descriptor, kind | LOCK_NB) == 0 else {
            close(descriptor)
            throw DatabaseOpeningError(path: directory, problem: problem, advice: advice)
        }
        return DirectoryLock(descriptor: descriptor)
    }
}
