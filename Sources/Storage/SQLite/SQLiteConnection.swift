import AuthorizationServer
internal import CSQLite

/// One connection to an SQLite file with its prepared statements.
///
/// Not Sendable: a connection belongs to one thread. It is opened without SQLite's own mutex.
@safe final class SQLiteConnection {
    private let handle: OpaquePointer
    // Statements live as long as the connection; the set is closed because every text is a literal in this module.
    private var statements: [String: SQLiteStatement] = [:]

    /// Opens the file; with `readOnly` nothing is ever written through this connection.
    init(path: String, readOnly: Bool = false) throws(StoreError) {
        var opened: OpaquePointer?
        let access = readOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE
        let code = unsafe sqlite3_open_v2(path, &opened, access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, nil)
        guard let opened = unsafe opened else {
            throw StoreError(.unavailable, detail: "sqlite: out of memory on open")
        }
        unsafe handle = opened
        guard code == SQLITE_OK else {
            throw error(code, "open")  // the object is complete here, so deinit closes the handle
        }
        unsafe sqlite3_extended_result_codes(handle, 1)
    }

    deinit {
        statements.removeAll()
        unsafe sqlite3_close_v2(handle)
    }

    /// Waits this long for another process that holds the write lock.
    func setBusyTimeout(milliseconds: Int32) {
        unsafe sqlite3_busy_timeout(handle, milliseconds)
    }

    /// Whether no transaction is open; SQLite ends one by itself on some failures.
    var isAutocommit: Bool { unsafe sqlite3_get_autocommit(handle) != 0 }

    /// How many rows the last statement changed.
    var changes: Int { unsafe Int(sqlite3_changes(handle)) }

    /// Runs one or more statements of the schema.
    func script(_ sql: String) throws(StoreError) {
        let code = unsafe sqlite3_exec(handle, sql, nil, nil, nil)
        guard code == SQLITE_OK else { throw error(code, "script") }
    }

    /// Runs a statement that returns nothing; returns how many rows it changed.
    @discardableResult
    func run(_ sql: String, _ values: SQLiteValue...) throws(StoreError) -> Int {
        let statement = try prepared(sql)
        defer { statement.reset() }
        try bind(values, to: statement)
        while try step(statement) {}
        return changes
    }

    /// The rows of a query, each made into a value.
    func rows<T>(
        _ sql: String, _ values: SQLiteValue..., as make: (SQLiteRow) throws(StoreError) -> T
    ) throws(StoreError) -> [T] {
        let statement = try prepared(sql)
        defer { statement.reset() }
        try bind(values, to: statement)
        var result: [T] = []
        while try step(statement) { result.append(try make(SQLiteRow(statement: statement))) }
        return result
    }

    /// The first row of a query made into a value; nil when there is none.
    func row<T>(
        _ sql: String, _ values: SQLiteValue..., as make: (SQLiteRow) throws(StoreError) -> T
    ) throws(StoreError) -> T? {
        let statement = try prepared(sql)
        defer { statement.reset() }
        try bind(values, to: statement)
        return try step(statement) ? try make(SQLiteRow(statement: statement)) : nil
    }

    private func prepared(_ sql: String) throws(StoreError) -> SQLiteStatement {
        if let statement = statements[sql] { return statement }
        var raw: OpaquePointer?
        let code = unsafe sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &raw, nil)
        guard code == SQLITE_OK, let raw = unsafe raw else { throw error(code, "prepare") }
        let statement = unsafe SQLiteStatement(raw)
        statements[sql] = statement
        return statement
    }

    private func bind(_ values: [SQLiteValue], to statement: SQLiteStatement) throws(StoreError) {
        for (index, value) in values.enumerated() {
            let code = statement.bind(value, at: Int32(index) + 1)
            guard code == SQLITE_OK else { throw error(code, "bind") }
        }
    }

    private func step(_ statement: SQLiteStatement) throws(StoreError) -> Bool {
        let code = statement.step()
        switch code {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default: throw error(code, "step")
        }
    }

    private func error(_ code: Int32, _ act: String) -> StoreError {
        let text = unsafe String(cString: sqlite3_errmsg(handle))
        return StoreError(Self.kind(of: code), detail: "sqlite \(act): \(text) (\(code))")
    }

    private static func kind(of code: Int32) -> StoreError.Code {
        switch code & 0xff {
        case SQLITE_FULL: .full
        case SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_MISMATCH, SQLITE_FORMAT: .corrupt
        default: .unavailable
        }
    }
}
