/// The names of what stands in the data directory.
enum DataDirectory {
    /// The SQLite file.
    static let storeName = "sallyport.db"
    /// The key that seals what the store holds.
    static let keyName = "master.key"
    /// The audit trail, one file a day.
    static let auditName = "audit"
    /// What nobody else may read.
    static let privateFiles = [storeName, "\(storeName)-wal", keyName]
}
