import AsyncIO
import Crypto
import Telemetry

/// Serves what is in the certificate files now (F22): looks several times a second, and what cannot be used leaves the old
/// pair where it is.
struct CertificateWatch: Sendable {
    /// Between two looks. A change counts when two of them see the same, so half a second after it at the latest.
    static let interval = Duration.milliseconds(200)
    /// Until the same content is tried once more, where it was not the files that were at fault.
    private static let patience = Duration.seconds(5)
    /// The keys of session tickets live as long as what is served: the same pair is loaded anew so often.
    private static let ticketLifetime = Duration.seconds(12 * 3600)

    private let source: CertificateSource
    private let served: ServedTLS
    private let clock: WallClock
    private let logger: Logger

    /// `served` shows what `source` was read with.
    init(_ source: CertificateSource, served: ServedTLS, clock: WallClock, logger: Logger) {
        self.source = source
        self.served = served
        self.clock = clock
        self.logger = logger
    }

    /// Looks until the task is cancelled.
    func run(on loop: EventLoop) async {
        var gauges = CertificateGauges(logger: logger)
        var change = SettledChange(from: source.version)
        var problem: String?
        var due = EventLoop.preciseNow + Self.ticketLifetime
        repeat {
            gauges.observe(served.current, at: clock.now())
            // Only the queue can refuse, and the next look is soon.
            guard let seen = await version() else { continue }
            let isChanged = change.isDue(seen)
            guard isChanged || EventLoop.preciseNow >= due else { continue }
            let result = await load()
            // Changed while it was read: the next looks decide.
            guard await version() == seen else { continue }
            change.settle(on: seen)
            switch result {
            case .success(let context):
                due = EventLoop.preciseNow + Self.ticketLifetime
                served.replace(with: context)
                gauges.accepted()
                if isChanged || problem != nil { tell(context) }
                problem = nil
            case .failure(let failure):
                due = EventLoop.preciseNow + Self.patience
                gauges.failed()
                if problem != failure.message { complain(failure) }
                problem = failure.message
            }
        } while await pause(on: loop)
    }

    private func version() async -> CertificateFiles.Version? {
        try? await BlockingExecutor.shared.run { [source] in source.files.version }
    }

    /// What is in the files, unless it is worse than what is served.
    private func load() async -> Result<TLSContext, CertificateFiles.Failure> {
        let result: Result<TLSContext, CertificateFiles.Failure>
        do {
            result = try await BlockingExecutor.shared.run { [source] in
                Result { () throws(CertificateFiles.Failure) in try source.files.load() }
            }
        } catch {
            return .failure(CertificateFiles.Failure(part: .certificate, message: "the gateway is too busy to read it"))
        }
        guard case .success(let context) = result else { return result }
        let now = clock.now()
        guard context.isValid(at: now) || !served.current.isValid(at: now) else {
            return .failure(CertificateFiles.Failure(part: .certificate, message: "its time is over or not yet come"))
        }
        return result
    }

    private func tell(_ context: TLSContext) {
        logger.notice(
            "the certificate files were read again",
            ["not_after": .string(context.validity?.notAfter.iso8601 ?? "")])
    }

    private func complain(_ failure: CertificateFiles.Failure) {
        logger.error(
            "the certificate files cannot be used: the old certificate is served on",
            ["file": .string(failure.part.rawValue), "reason": .string(failure.message)])
    }

    private func pause(on loop: EventLoop) async -> Bool {
        do {
            try await loop.sleep(for: Self.interval)
            return true
        } catch {
            return false
        }
    }
}

extension TLSContext {
    /// Whether `now` lies in the time of the certificate that is shown.
    func isValid(at now: Timestamp) -> Bool {
        guard let validity else { return false }
        return validity.notBefore <= now && now < validity.notAfter
    }
}
