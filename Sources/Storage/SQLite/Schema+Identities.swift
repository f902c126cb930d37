extension Schema {
    /// Accounts that identity providers open.
    static let identities = """
        ALTER TABLE user ADD COLUMN display_name TEXT;

        CREATE TABLE identity (
            id BLOB PRIMARY KEY, provider TEXT NOT NULL, user TEXT NOT NULL UNIQUE, attributes BLOB NOT NULL,
            sealed_credential BLOB, confirmed_at INTEGER NOT NULL, asked_at INTEGER NOT NULL
        ) STRICT;
        """
}
