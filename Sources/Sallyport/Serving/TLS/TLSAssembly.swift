import AsyncIO
import Crypto
import HTTP
import Telemetry

/// TLS as configured: what listeners show, and who looks after it.
struct TLSAssembly: Sendable {
    private enum Upkeep: Sendable {
        case files(CertificateWatch)
        case acme(ACMEKeeper)
    }

    /// What the listener shows.
    let served: ServedTLS
    /// What validators look for in the clear; nil where nobody validates.
    let challenges: ACMEChallenges?
    private let upkeep: Upkeep
    /// Nil where the operator brings the certificate.
    private let names: CertificateNames?

    /// Nil where TLS does not end here. Blocking: reads the certificate that was issued before.
    init?(_ configuration: Configuration) throws(CommandFailure) {
        guard let settings = configuration.tls else { return nil }
        let logger = Logger(label: "tls")
        switch settings.source {
        case .files(let source):
            served = ServedTLS(source.context)
            challenges = nil
            names = nil
            upkeep = .files(CertificateWatch(source, served: served, clock: .system, logger: logger))
        case .acme(let acme):
            do throws(TLSError) {
                served = ServedTLS(try TLSContext.withoutCertificate())
            } catch {
                throw CommandFailure(code: .software, message: "TLS cannot be used: \(error)")
            }
            let challenges = ACMEChallenges(served: served)
            let names = CertificateNames(configuration.certificateNames(acme))
            let keeper = ACMEKeeper(
                acme, names: names, dataDirectory: configuration.dataDirectory,
                served: served, challenges: challenges, clock: .system, logger: logger)
            keeper.restore()
            self.challenges = challenges
            self.names = names
            upkeep = .acme(keeper)
        }
    }

    /// Goes over to the hosts of another configuration, whose `tls` is the same.
    func adopt(_ configuration: Configuration) {
        guard case .acme(let acme) = configuration.tls?.source else { return }
        names?.replace(with: configuration.certificateNames(acme))
    }

    /// Looks after the certificate until the task is cancelled.
    func run(on loop: EventLoop) async {
        switch upkeep {
        case .files(let watch): await watch.run(on: loop)
        case .acme(let keeper): await keeper.run(on: loop)
        }
    }
}
