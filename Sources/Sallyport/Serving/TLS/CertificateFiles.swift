import AsyncIO
import Crypto

/// Where the operator keeps our certificate and its key.
struct CertificateFiles: Sendable, Equatable {
    /// One of the two.
    enum Part: String, Sendable {
        case certificate
        case privateKey = "private_key"
    }

    /// Why the two cannot be shown.
    struct Failure: Error, Equatable {
        /// The file at fault.
        let part: Part
        let message: String
        var hint: String?
    }

    /// Which content of the two files was looked at.
    struct Version: Hashable, Sendable {
        fileprivate let certificate: FileSystem.Version?
        fileprivate let privateKey: FileSystem.Version?
    }

    /// A chain is a few kilobytes.
    private static let maximumBytes = 1 << 20

    /// The chain, our own certificate first, PEM.
    let certificate: String
    /// The key, PEM, without a password.
    let privateKey: String

    /// What is there now; blocking.
    var version: Version {
        Version(certificate: FileSystem.version(of: certificate), privateKey: FileSystem.version(of: privateKey))
    }

    /// What is in the files, when it can be shown; blocking.
    func load() throws(Failure) -> TLSContext {
        let chain = try read(certificate, .certificate)
        if FileMode.isReadableByOthers(privateKey), !privateKey.hasPrefix("/run/secrets/") {
            throw Failure(
                part: .privateKey, message: "\(privateKey) can be read by every user of this machine",
                hint: "chmod 600 \(privateKey)")
        }
        let key = Secret<PrivateKeyFile>(try read(privateKey, .privateKey))
        let made: Result<TLSContext, TLSContext.IdentityError> = key.withBytes { bytes in
            Result { () throws(TLSContext.IdentityError) in try TLSContext(chain: chain, privateKey: bytes) }
        }
        switch made {
        case .success(let context): return context
        case .failure(.certificate(let error)):
            throw Failure(part: .certificate, message: "\(certificate): \(error)")
        case .failure(.privateKey(let error)):
            throw Failure(part: .privateKey, message: "\(privateKey): \(error)")
        }
    }

    private enum PrivateKeyFile {}

    private func read(_ path: String, _ part: Part) throws(Failure) -> [UInt8] {
        do throws(FileSystem.Failure) {
            return try FileSystem.readFile(path, maximum: Self.maximumBytes)
        } catch {
            throw Failure(part: part, message: "\(path) cannot be read: \(error.reason)")
        }
    }
}
