import AsyncIO
import AuthorizationServer
import Glibc
import Synchronization
import Telemetry

/// The SQLite file of one data directory: one writer thread with group commit, one reader thread.
///
/// A write returns after `COMMIT`, and with `synchronous=FULL` the commit has synced the log: what was acknowledged
/// survives `kill -9` and a power cut. Writes that arrive while a commit syncs share the next one, each in its own
/// savepoint, so the rate is not bounded by the disk. Other processes may use the file at the same time: every write
/// transaction is `BEGIN IMMEDIATE` and waits for the lock up to `busyTimeout`.
final class SQLiteDatabase: Sendable {
    /// How long a write waits for another process.
    static let busyTimeout: Int32 = 5000

    private let writer: WorkerThread<WriteJob>
    private let reader: WorkerThread<ReadJob>
    private let clock: HighWaterMark
    private let metrics = StoreMetrics()

    /// Opens the file at `path`, creating or migrating it; blocking. Refuses a damaged or newer file (F13).
    init(path: String, busyTimeout: Int32 = SQLiteDatabase.busyTimeout) throws(DatabaseOpeningError) {
        let connection = try DatabaseOpening.open(path)
        connection.setBusyTimeout(milliseconds: busyTimeout)
        let readConnection: SQLiteConnection
        do throws(StoreError) {
            readConnection = try SQLiteConnection(path: path, readOnly: true)
            readConnection.setBusyTimeout(milliseconds: busyTimeout)
        } catch {
            throw DatabaseOpeningError(path: path, problem: error.detail, advice: DatabaseOpening.adviceToCheckAccess)
        }
        let clock = HighWaterMark()
        self.clock = clock
        let committer = GroupCommitter(connection: connection, clock: clock)
        writer = WorkerThread(capacity: 10_000, batchLimit: 256) { committer.commit($0) }
        reader = WorkerThread(capacity: 10_000, batchLimit: 256) { jobs in
            for job in jobs { job(readConnection) }
        }
    }

    deinit {
        writer.stop()
        reader.stop()
    }

    /// Finishes what is queued and closes the file; blocking.
    func close() {
        reader.stop()
        reader.waitUntilEnded()
        writer.stop()
        writer.waitUntilEnded()
    }

    /// The later of `now` and the latest time this store has been given.
    func effective(_ now: Timestamp) -> Timestamp { clock.advance(to: now) }

    /// Runs `body` in a transaction of the writer and returns when it is on the disk; nothing of a body that throws
    /// is kept.
    @discardableResult
    func write<T: Sendable>(
        _ body: @escaping @Sendable (SQLiteConnection) throws(StoreError) -> T
    ) async throws(StoreError) -> T {
        let start = EventLoop.preciseNow
        let result: Result<T, StoreError> = await withCheckedContinuation { continuation in
            let job = WriteJob(
                run: { connection in
                    let outcome: Result<T, StoreError>
                    do throws(StoreError) {
                        outcome = .success(try body(connection))
                    } catch {
                        outcome = .failure(error)
                    }
                    return WriteOutcome(failed: outcome.isFailure) { error in
                        continuation.resume(returning: error.map { .failure($0) } ?? outcome)
                    }
                },
                refuse: { continuation.resume(returning: .failure($0)) })
            if !writer.submit(job) { job.refuse(Self.overloaded) }
        }
        metrics.note(.write, since: start, result)
        return try result.get()
    }

    /// Runs a query on the reader.
    func read<T: Sendable>(
        _ body: @escaping @Sendable (SQLiteConnection) throws(StoreError) -> T
    ) async throws(StoreError) -> T {
        let start = EventLoop.preciseNow
        let result: Result<T, StoreError> = await withCheckedContinuation { continuation in
            let job: ReadJob = { connection in
                do throws(StoreError) {
                    continuation.resume(returning: .success(try body(connection)))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
            if !reader.submit(job) { continuation.resume(returning: .failure(Self.overloaded)) }
        }
        metrics.note(.read, since: start, result)
        return try result.get()
    }

    private static var overloaded: StoreError {
        StoreError(.unavailable, detail: "sqlite: too many operations are waiting, or the store is closing")
    }
}

/// A query with its answer.
private typealias ReadJob = @Sendable (SQLiteConnection) -> Void

/// One caller's part of a batch: exactly one of the two is called, and the answer of the first exactly once.
private struct WriteJob: Sendable {
    let run: @Sendable (SQLiteConnection) -> WriteOutcome
    let refuse: @Sendable (StoreError) -> Void
}

/// What became of one caller's part; `answer` is called when the batch is on the disk, or with the reason why not.
private struct WriteOutcome: Sendable {
    let failed: Bool
    let answer: @Sendable (StoreError?) -> Void
}

/// Makes one transaction of many callers' writes. Lives on the writer thread.
private final class GroupCommitter {
    private let connection: SQLiteConnection
    private let clock: HighWaterMark

    init(connection: SQLiteConnection, clock: HighWaterMark) {
        self.connection = connection
        self.clock = clock
    }

    func commit(_ jobs: [WriteJob]) {
        var outcomes: [WriteOutcome] = []
        do throws(StoreError) {
            try connection.run("BEGIN IMMEDIATE")
            let stored =
                try connection.row("SELECT mark FROM clock") { row throws(StoreError) in try row.integer(0) } ?? 0
            clock.advance(to: Timestamp(millisecondsSinceEpoch: stored))
            for job in jobs { try perform(job, &outcomes) }
            if clock.value > stored { try connection.run("UPDATE clock SET mark = ?1", .integer(clock.value)) }
            try connection.run("COMMIT")
            for outcome in outcomes { outcome.answer(nil) }
        } catch {
            if !connection.isAutocommit {
                // The error that brought us here is the one to report; a failed rollback leaves nothing committed.
                do { try connection.run("ROLLBACK") } catch {}
            }
            for outcome in outcomes { outcome.answer(error) }
            for job in jobs.dropFirst(outcomes.count) { job.refuse(error) }
        }
    }

    private func perform(_ job: WriteJob, _ outcomes: inout [WriteOutcome]) throws(StoreError) {
        try connection.run("SAVEPOINT caller")
        let outcome = job.run(connection)
        outcomes.append(outcome)
        // Some failures make SQLite roll everything back: then nobody in this batch may be told that it worked.
        guard !connection.isAutocommit else {
            throw StoreError(.unavailable, detail: "sqlite: the transaction was rolled back")
        }
        if outcome.failed { try connection.run("ROLLBACK TO caller") }
        try connection.run("RELEASE caller")
    }
}

extension Result {
    fileprivate var isFailure: Bool { if case .failure = self { true } else { false } }
}
