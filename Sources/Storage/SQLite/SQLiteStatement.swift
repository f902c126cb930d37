import AuthorizationServer
internal import CSQLite

/// A value on its way into a statement.
enum SQLiteValue {
    case null
    case integer(Int64)
    case text(String)
    case blob([UInt8])

    /// An optional integer.
    static func optional(_ value: Int64?) -> SQLiteValue { value.map(SQLiteValue.integer) ?? .null }
    /// An optional text.
    static func optional(_ value: String?) -> SQLiteValue { value.map(SQLiteValue.text) ?? .null }
    /// An optional blob.
    static func optional(_ value: [UInt8]?) -> SQLiteValue { value.map(SQLiteValue.blob) ?? .null }
    /// A truth value, stored as 0 or 1.
    static func boolean(_ value: Bool) -> SQLiteValue { .integer(value ? 1 : 0) }
}

/// A prepared statement; freed with its connection.
@safe final class SQLiteStatement {
    private let handle: OpaquePointer

    init(_ handle: OpaquePointer) {
        unsafe self.handle = handle
    }

    deinit {
        unsafe sqlite3_finalize(handle)
    }

    /// SQLite's result code of binding `value` at `index`, which counts from 1. The value is copied.
    func bind(_ value: SQLiteValue, at index: Int32) -> Int32 {
        switch value {
        case .null:
            return unsafe sqlite3_bind_null(handle, index)
        case .integer(let number):
            return unsafe sqlite3_bind_int64(handle, index, number)
        case .text(var text):
            return text.withUTF8 { bytes in
                guard let count = Int32(exactly: bytes.count) else { return SQLITE_TOOBIG }
                guard let base = bytes.baseAddress else {
                    return unsafe csqlite_bind_text_copy(handle, index, "", 0)
                }
                return unsafe base.withMemoryRebound(to: CChar.self, capacity: bytes.count) {
                    unsafe csqlite_bind_text_copy(handle, index, $0, count)
                }
            }
        case .blob(let blob):
            guard let count = Int32(exactly: blob.count) else { return SQLITE_TOOBIG }
            guard count > 0 else { return unsafe sqlite3_bind_zeroblob(handle, index, 0) }
            return unsafe blob.withUnsafeBytes { bytes in
                unsafe csqlite_bind_blob_copy(handle, index, bytes.baseAddress, count)
            }
        }
    }

    /// SQLite's result code of the next step.
    func step() -> Int32 { unsafe sqlite3_step(handle) }

    /// Makes the statement ready for its next use; a failed step has been reported already.
    func reset() {
        unsafe sqlite3_reset(handle)
        unsafe sqlite3_clear_bindings(handle)
    }

    fileprivate func isNull(_ column: Int32) -> Bool { unsafe sqlite3_column_type(handle, column) == SQLITE_NULL }

    fileprivate func integer(_ column: Int32) -> Int64? {
        guard unsafe sqlite3_column_type(handle, column) == SQLITE_INTEGER else { return nil }
        return unsafe sqlite3_column_int64(handle, column)
    }

    fileprivate func bytes(_ column: Int32, type: Int32) -> [UInt8]? {
        guard unsafe sqlite3_column_type(handle, column) == type else { return nil }
        let base =
            unsafe type == SQLITE_TEXT
            ? UnsafeRawPointer(sqlite3_column_text(handle, column)) : sqlite3_column_blob(handle, column)
        let count = unsafe Int(sqlite3_column_bytes(handle, column))
        guard let base = unsafe base, count > 0 else { return [] }
        return unsafe [UInt8](UnsafeRawBufferPointer(start: base, count: count))
    }
}

/// One row of a result, valid until the next step. A column of another type than asked for is corruption.
struct SQLiteRow {
    fileprivate let statement: SQLiteStatement

    init(statement: SQLiteStatement) {
        self.statement = statement
    }

    /// A column that holds a number.
    func integer(_ column: Int32) throws(StoreError) -> Int64 {
        guard let value = statement.integer(column) else { throw unexpected(column) }
        return value
    }

    /// A column that holds a text.
    func text(_ column: Int32) throws(StoreError) -> String {
        guard let bytes = statement.bytes(column, type: SQLITE_TEXT),
            let text = String(validating: bytes, as: UTF8.self)
        else { throw unexpected(column) }
        return text
    }

    /// A column that holds bytes.
    func blob(_ column: Int32) throws(StoreError) -> [UInt8] {
        guard let bytes = statement.bytes(column, type: SQLITE_BLOB) else { throw unexpected(column) }
        return bytes
    }

    /// A column that holds a number or nothing.
    func optionalInteger(_ column: Int32) throws(StoreError) -> Int64? {
        statement.isNull(column) ? nil : try integer(column)
    }

    /// A column that holds a text or nothing.
    func optionalText(_ column: Int32) throws(StoreError) -> String? {
        statement.isNull(column) ? nil : try text(column)
    }

    /// A column that holds bytes or nothing.
    func optionalBlob(_ column: Int32) throws(StoreError) -> [UInt8]? {
        statement.isNull(column) ? nil : try blob(column)
    }

    private func unexpected(_ column: Int32) -> StoreError {
        StoreError(.corrupt, detail: "sqlite: column \(column) does not hold what it should")
    }
}
