import AsyncIO
import Crypto
import Storage
import Telemetry

/// The audit trail as configured: JSON lines in the data directory, or nothing.
struct AuditTrail: Sendable {
    /// Where events go.
    let log: any AuditLog
    private let file: FileAuditLog?

    /// Nothing is kept.
    static let discarding = AuditTrail(log: DiscardingAuditLog(), file: nil)

    /// Makes the folder when it is not there; blocking.
    static func open(_ configuration: Configuration, logger: Logger) throws(CommandFailure) -> AuditTrail {
        guard configuration.audit.isEnabled else { return .discarding }
        guard configuration.storage != .memory else {
            logger.warning(
                "no audit trail is kept: with storage: memory nothing is",
                ["hint": .string("audit: {enabled: false} says that this is meant")])
            return .discarding
        }
        let folder = "\(configuration.dataDirectory)/\(DataDirectory.auditName)"
        do throws(FileSystem.Failure) {
            try FileSystem.ensureDirectory(folder, mode: 0o700)
        } catch {
            throw CommandFailure(code: .cannotCreate, message: "the audit trail cannot be kept: \(error)")
        }
        let days = Int(configuration.audit.retention / .seconds(86_400))
        let file = FileAuditLog(folder: folder, retentionDays: days, digest: digest, logger: logger)
        return AuditTrail(log: file, file: file)
    }

    /// What seals the trail.
    static let digest: AuditSeal.Digest = { SHA256.digest($0).bytes }

    /// What is wrong with it, for `/ready` and `/health`.
    var warnings: [String] {
        file?.isFailing == true
            ? ["audit: the trail cannot be written, and its events wait in memory; the log says why"] : []
    }

    /// Waits until everything is written, at most a second.
    func flush() {
        file?.flush()
    }
}
