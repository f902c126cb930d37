import AsyncIO
import Synchronization
import Telemetry

/// The pins of all servers that have any, and the ledger behind them: what is seen goes there, what operators decide comes from
/// there, within half a second. No call waits for either.
final class PinBooks: Sendable {
    private static let interval = Duration.milliseconds(500)

    private let books: [PinBook]
    private let ledger: (any PinLedger)?
    /// The revision of the ledger that is known; nil before the first.
    private let revision = Mutex<Int64?>(nil)
    private let isFailing = Mutex(false)
    private let logger = Logger(label: "gateway")

    init(_ books: [PinBook], _ ledger: (any PinLedger)?) {
        self.books = books
        self.ledger = ledger
    }

    /// Reads the ledger, so that the first call finds what is approved.
    func prepare() async throws(PinLedgerError) {
        guard !books.isEmpty, let ledger else { return }
        try await load(ledger)
    }

    /// Keeps books and ledger alike until the task is cancelled.
    func watch() async {
        guard !books.isEmpty, ledger != nil else { return }
        while !Task.isCancelled {
            // Cancellation ends the loop.
            try? await EventLoop.pause(for: Self.interval)
            await settle()
        }
    }

    /// Makes them alike once.
    func settle() async {
        guard let ledger else { return }
        do throws(PinLedgerError) {
            for book in books { try await write(book, ledger) }
            try await load(ledger)
            isFailing.withLock { $0 = false }
        } catch {
            guard
                isFailing.withLock({ isFailing in
                    defer { isFailing = true }
                    return !isFailing
                })
            else { return }
            logger.warning("the pins of tools cannot be kept", ["error": .string(error.detail)])
        }
    }

    private func write(_ book: PinBook, _ ledger: any PinLedger) async throws(PinLedgerError) {
        let sightings = book.takeSightings()
        for (position, sighting) in sightings.enumerated() {
            do throws(PinLedgerError) {
                try await ledger.note(sighting)
            } catch {
                book.giveBack(Array(sightings[position...]))
                throw error
            }
        }
    }

    private func load(_ ledger: any PinLedger) async throws(PinLedgerError) {
        // Before what it stands for: a change in between is read once more.
        let latest = try await ledger.revision()
        guard revision.withLock({ $0 != latest }) else { return }
        let approvals = try await ledger.approvals()
        for book in books { book.load(approvals[book.server] ?? [:]) }
        revision.withLock { $0 = latest }
    }
}
