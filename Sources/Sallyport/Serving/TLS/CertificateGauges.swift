import Crypto
import Telemetry

/// What `/metrics` says of the certificate, and when the log begins to speak of its end.
struct CertificateGauges: Sendable {
    /// Whoever renews certificates does so well before; then it was forgotten, or it fails.
    private static let alarmBefore = Duration.seconds(14 * 86_400)
    private static let alarmInterval = Duration.seconds(86_400)

    private let remaining = MetricsRegistry.shared.gauge(
        "sallyport_tls_certificate_expiry_seconds", help: "Seconds until the certificate that is served is over.")
    private let refused = MetricsRegistry.shared.gauge(
        "sallyport_tls_certificate_refused",
        help: "1 while a newer certificate cannot be used or obtained, and the old one is served on.")
    private let failures = MetricsRegistry.shared.counter(
        "sallyport_tls_certificate_failures_total", help: "Certificates that could not be used or obtained.")
    private let logger: Logger
    private var lastAlarm: Timestamp?

    init(logger: Logger) {
        self.logger = logger
    }

    /// Notes what is served, and speaks up once a day while its end is near.
    mutating func observe(_ context: TLSContext, at now: Timestamp) {
        guard let validity = context.validity else { return }
        let left = validity.notAfter - now
        remaining.set(Int(left.components.seconds))
        // Of one that lives for days only, two weeks are always left.
        let limit = min(Self.alarmBefore, (validity.notAfter - validity.notBefore) / 4)
        guard left < limit, lastAlarm.map({ now - $0 >= Self.alarmInterval }) ?? true else { return }
        lastAlarm = now
        logger.error(
            left > .zero ? "the certificate is over soon" : "the certificate is over",
            [
                "days_left": .integer(Int(left.components.seconds / 86_400)),
                "not_after": .string(validity.notAfter.iso8601),
            ])
    }

    /// Notes that a newer certificate was found or obtained and is served.
    func accepted() { refused.set(0) }

    /// Notes that the old certificate goes on being served.
    func failed() {
        refused.set(1)
        failures.increment()
    }
}
