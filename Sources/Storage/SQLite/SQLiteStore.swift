package import AuthorizationServer
import OAuth
package import Telemetry

/// Every store of the authorization server in one SQLite file.
///
/// The verbs stand in the files `SQLiteStore+….swift`, one for each protocol; each is one transaction.
package final class SQLiteStore: Sendable {
    let database: SQLiteDatabase
    private let lock: DirectoryLock?

    /// Opens or makes the file at `path`; blocking. Its directory must exist.
    package init(path: String) throws(DatabaseOpeningError) {
        database = try SQLiteDatabase(path: path)
        lock = nil
    }

    /// The same, sharing its directory by `lock` until it is closed.
    init(path: String, holding lock: DirectoryLock) throws(DatabaseOpeningError) {
        database = try SQLiteDatabase(path: path)
        self.lock = lock
    }

    /// Opens the file with another patience towards other processes than usual, for tests of exactly that.
    init(path: String, busyTimeout: Int32) throws(DatabaseOpeningError) {
        database = try SQLiteDatabase(path: path, busyTimeout: busyTimeout)
        lock = nil
    }

    /// The latest time that the store has been given, in this life of the program or an earlier one. While the clock is
    /// behind it, everything with a short life is over as soon as it is made.
    package func highWaterMark() async throws(StoreError) -> Timestamp {
        try await database.read { connection throws(StoreError) in
            try connection.row("SELECT mark FROM clock") { row throws(StoreError) in try row.time(0) }
        } ?? Timestamp(millisecondsSinceEpoch: 0)
    }

    /// Finishes what is queued and closes the file; blocking. Later calls fail as unavailable.
    package func close() {
        database.close()
        lock?.release()
    }
}

// MARK: - Columns

extension SQLiteValue {
    static func digest(_ digest: SecretDigest) -> SQLiteValue { .blob(digest.bytes) }
    static func digest(_ digest: SecretDigest?) -> SQLiteValue { .optional(digest?.bytes) }
    static func id(_ id: some OAuthIdentifier) -> SQLiteValue { .text(id.value) }
    static func time(_ time: Timestamp) -> SQLiteValue { .integer(time.millisecondsSinceEpoch) }
    static func time(_ time: Timestamp?) -> SQLiteValue { .optional(time?.millisecondsSinceEpoch) }
    static func list(_ texts: [String]) -> SQLiteValue { .blob(LengthCoded.encode(texts)) }
}

extension SQLiteRow {
    func digest(_ column: Int32) throws(StoreError) -> SecretDigest { SecretDigest(bytes: try blob(column)) }

    func time(_ column: Int32) throws(StoreError) -> Timestamp {
        Timestamp(millisecondsSinceEpoch: try integer(column))
    }

    func optionalTime(_ column: Int32) throws(StoreError) -> Timestamp? {
        try optionalInteger(column).map { Timestamp(millisecondsSinceEpoch: $0) }
    }

    func list(_ column: Int32) throws(StoreError) -> [String] {
        guard let texts = LengthCoded.decode(try blob(column)) else {
            throw StoreError(.corrupt, detail: "sqlite: column \(column) does not hold a list")
        }
        return texts
    }

    func count(_ column: Int32) throws(StoreError) -> Int { Int(try integer(column)) }

    func boolean(_ column: Int32) throws(StoreError) -> Bool { try integer(column) != 0 }
}
