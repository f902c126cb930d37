import AsyncIO
import Crypto
import HTTP
import Storage
import Telemetry

/// Has a certificate when one is needed: asks for it, keeps it in the data directory, and for the next one in time (F23).
struct ACMEKeeper: Sendable {
    /// Between two looks at the clock.
    private static let interval = Duration.seconds(1)
    /// The keys of session tickets live as long as what is served.
    private static let ticketLifetime = Duration.seconds(12 * 3600)

    private let settings: ACMESettings
    private let names: CertificateNames
    private let directory: String
    private let served: ServedTLS
    private let challenges: ACMEChallenges
    private let clock: WallClock
    private let logger: Logger

    /// `dataDirectory` holds the account's key and the certificate, in a folder of their own.
    init(
        _ settings: ACMESettings, names: CertificateNames, dataDirectory: String, served: ServedTLS,
        challenges: ACMEChallenges, clock: WallClock, logger: Logger
    ) {
        self.settings = settings
        self.names = names
        directory = "\(dataDirectory)/\(DataDirectory.acmeName)"
        self.served = served
        self.challenges = challenges
        self.clock = clock
        self.logger = logger
    }

    private var certificatePath: String { "\(directory)/certificate.pem" }
    private var accountPath: String { "\(directory)/account.pem" }

    /// Serves what was kept, where it is for the first of the names; blocking. When others have come since, those that it is for
    /// are served until there is a new one.
    func restore() {
        guard FileSystem.exists(certificatePath) else { return }
        switch readKept() {
        case .success(let context): served.replace(with: context)
        case .failure(let failure):
            logger.warning("the certificate that was kept is not used", ["reason": .string(failure.description)])
        }
    }

    private func readKept() -> Result<TLSContext, ACMEFailure> {
        do throws(FileSystem.Failure) {
            let bytes = try FileSystem.readFile(certificatePath, maximum: ACMEAnswer.maximumBytes)
            return Result { () throws(ACMEFailure) in try usable(bytes, for: Array(names.current.prefix(1))) }
        } catch {
            return .failure(ACMEFailure(.local, error.description))
        }
    }

    /// Looks after the certificate until the task is cancelled.
    func run(on loop: EventLoop) async {
        var gauges = CertificateGauges(logger: logger)
        var schedule = RenewalSchedule(retryInterval: settings.retryInterval)
        var due = nextDue(after: .zero)
        var madeAt = EventLoop.preciseNow
        var wanted = names.current
        repeat {
            gauges.observe(served.current, at: clock.now())
            if EventLoop.preciseNow - madeAt > Self.ticketLifetime {
                madeAt = EventLoop.preciseNow
                await renewTicketKeys()
            }
            if names.current != wanted {
                wanted = names.current
                if !isServed(wanted) { due = clock.now() }
            }
            guard clock.now() >= due else { continue }
            do throws(ACMEFailure) {
                served.replace(with: try await obtain(wanted, on: loop))
                schedule.succeeded()
                gauges.accepted()
                due = nextDue(after: settings.retryInterval)
                logger.notice(
                    "a certificate was obtained",
                    [
                        "not_after": .string(served.current.validity?.notAfter.iso8601 ?? ""),
                        "next": .string(due.iso8601),
                    ])
            } catch {
                if Task.isCancelled { return }
                gauges.failed()
                let validity = served.current.validity
                let now = clock.now()
                let pause = schedule.failed(
                    lifetime: validity.map { $0.notAfter - $0.notBefore },
                    left: isServed(wanted) ? validity.map { $0.notAfter - now } : nil,
                    retryAfter: error.retryAfter, jitter: .random(in: 0..<1))
                due = now + pause
                logger.error(
                    "no new certificate: what there is is served on",
                    ["reason": .string(error.description), "next": .string(due.iso8601)])
            }
        } while await wait(on: loop)
    }

    // MARK: - Steps

    /// When the certificate that is served should have a successor, not before `pause` has passed; at once without one.
    private func nextDue(after pause: Duration) -> Timestamp {
        let now = clock.now()
        guard let validity = served.current.validity, isServed(names.current) else { return now + pause }
        return max(RenewalSchedule.due(validity, jitter: .random(in: 0..<1)), now + pause)
    }

    private func isServed(_ names: [String]) -> Bool {
        let current = served.current
        return names.allSatisfy { current.names($0) }
    }

    private func obtain(_ domains: [String], on loop: EventLoop) async throws(ACMEFailure) -> TLSContext {
        let account = try await blocking { openAccount() }
        var policy = EgressPolicy(addresses: .any, allowsPlainHTTP: false, totalTimeout: .seconds(15))
        policy.certificateAuthorities = settings.authorities
        let conversation = ACMEConversation(HTTPClient(on: loop, policy: policy), account: account)
        try await conversation.begin(settings.directory, email: settings.email)
        let order = ACMEOrder(
            settings: settings, domains: domains, conversation: conversation, account: account, challenges: challenges,
            loop: loop)
        let pair = try await order.run()
        return try await blocking { keep(pair, for: domains) }
    }

    private func openAccount() -> Result<ACMEAccount, ACMEFailure> {
        do throws(FileSystem.Failure) {
            try FileSystem.ensureDirectory(directory)
        } catch {
            return .failure(ACMEFailure(.local, error.description))
        }
        return Result { () throws(ACMEFailure) in try ACMEAccount.open(accountPath) }
    }

    /// Writes down what can be used.
    private func keep(_ pair: [UInt8], for domains: [String]) -> Result<TLSContext, ACMEFailure> {
        let result = Result { () throws(ACMEFailure) in try usable(pair, for: domains) }
        guard case .success = result else { return result }
        do throws(FileSystem.Failure) {
            try FileSystem.writeFileAtomically(certificatePath, pair)
        } catch {
            // Better served now and asked for again after a restart than not at all.
            logger.error("the certificate cannot be kept", ["reason": .string(error.description)])
        }
        return result
    }

    /// What is in `pair`, key and chain, when clients of ours will take it.
    private func usable(_ pair: [UInt8], for domains: [String]) throws(ACMEFailure) -> TLSContext {
        let context: TLSContext
        do {
            context = try TLSContext(chain: pair, privateKey: pair)
        } catch {
            throw ACMEFailure(.unexpected, "the certificate cannot be used: \(error)")
        }
        for domain in domains where !context.names(domain) {
            throw ACMEFailure(.unexpected, "the certificate is not for \(domain)")
        }
        guard context.isValid(at: clock.now()) else {
            throw ACMEFailure(.unexpected, "the time of the certificate is over or not yet come")
        }
        return context
    }

    /// The same certificate in a fresh context. What cannot be read, or is another one, stays on the disk: the next start says so.
    private func renewTicketKeys() async {
        let end = served.current.validity?.notAfter
        guard let kept = try? await blocking({ readKept() }), kept.validity?.notAfter == end else { return }
        served.replace(with: kept)
    }

    private func blocking<Value: Sendable>(
        _ body: @escaping @Sendable () -> Result<Value, ACMEFailure>
    ) async throws(ACMEFailure) -> Value {
        let result: Result<Value, ACMEFailure>
        do {
            result = try await BlockingExecutor.shared.run(body)
        } catch {
            result = .failure(ACMEFailure(.local, "the gateway is too busy"))
        }
        return try result.get()
    }

    private func wait(on loop: EventLoop) async -> Bool {
        do throws(CancellationError) {
            try await loop.sleep(for: Self.interval)
            return true
        } catch {
            return false
        }
    }
}
