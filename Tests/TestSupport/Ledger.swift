import Synchronization

/// The outside memory of a fault test: what the program under test acknowledged, kept where its death cannot reach.
package final class Ledger<Entry: Sendable>: Sendable {
    private let entries = Mutex<[Entry]>([])

    package init() {}

    /// Notes something that was answered with success.
    package func record(_ entry: Entry) { entries.withLock { $0.append(entry) } }

    package var all: [Entry] { entries.withLock { $0 } }
    package var count: Int { entries.withLock { $0.count } }
}
