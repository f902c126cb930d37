import AsyncIO
import Glibc
import Storage

/// Whether a command looks for the store in the right place.
struct StorePlace {
    private let configuration: Configuration

    init(_ configuration: Configuration) {
        self.configuration = configuration
    }

    /// A mistyped directory must not become an empty store or a second key, and a file that root makes locks the gateway's
    /// user out.
    func check(isNewAllowed: Bool) throws(CommandFailure) {
        let directory = configuration.dataDirectory
        if let owner = FileMode.owner(of: directory), owner != FileMode.ownUser {
            throw CommandFailure(
                code: .noPermission, message: "\(directory) belongs to another user",
                hint: "run this as that user: sudo -u '#\(owner)' sallyport ...")
        }
        if !isNewAllowed, let name = missing {
            guard !isClosed(directory) else {
                throw CommandFailure(
                    code: .noPermission, message: "\(directory) cannot be looked into by this user",
                    hint: "run this as the user that the gateway runs as, or name its directory with --data-dir")
            }
            throw CommandFailure(
                code: .noInput, message: "there is no \(name) in \(directory)",
                hint: "name the gateway's directory with --data-dir, or its file with --config")
        }
    }

    /// Whether what is in the directory is kept from this user, or the way to it.
    private func isClosed(_ directory: String) -> Bool {
        do throws(FileSystem.Failure) {
            _ = try FileSystem.list(directory)
            return false
        } catch {
            return error.reason == .system(code: EACCES)
        }
    }

    private var missing: String? {
        let directory = configuration.dataDirectory
        switch configuration.storage {
        case .sqlite: return FileSystem.exists("\(directory)/\(DataDirectory.storeName)") ? nil : "store"
        case .redis:
            let isThere = configuration.sealingKey != nil || FileSystem.exists("\(directory)/\(DataDirectory.keyName)")
            return isThere ? nil : "sealing key"
        case .memory: return nil
        }
    }
}
