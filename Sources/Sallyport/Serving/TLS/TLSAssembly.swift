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

    /// Nil where TLS does not end here. Blocking: reads the certificate that was issued before.
    init?(_ configuration: Configuration) throws(CommandFailure) {
        guard let settings = configuration.tls else { return nil }
        let logger = Logger(label: "tls")
        switch settings.source {
        case .files(let source):
            served = ServedTLS(source.context)
            challenges = nil
            upkeep = .files(CertificateWatch(source, served: served, clock: .system, logger: logger))
        case .acme(let acme):
            do throws(TLSError) {
                served = ServedTLS(try TLSContext.withoutCertificate())
            } catch {
                throw CommandFailure(code: .software, message: "TLS cannot be used: \(error)")
            }
            let challenges = ACMEChallenges(served: served)
            let host = configuration.publicURL.map { [$0.host.plainText] } ?? []
            let keeper = ACMEKeeper(
                acme, domains: acme.domains.isEmpty ? host : acme.domains, dataDirectory: configuration.dataDirectory,
                served: served, challenges: challenges, clock: .system, logger: logger)
            keeper.restore()
            self.challenges = challenges
            upkeep = .acme(keeper)
        }
    }

    /// Looks after the certificate until the task is cancelled.
    func run(on loop: EventLoop) async {
        switch upkeep {
        case .files(let watch): await watch.run(on: loop)
        case .acme(let keeper): await keeper.run(on: loop)
        }
    }
}
