extension Schema {
    /// What servers say of their tools, and what of it is approved.
    static let toolPins = """
        CREATE TABLE tool_pin (
            server TEXT NOT NULL, tool TEXT NOT NULL, approved_digest BLOB, approved_text TEXT, approved_at INTEGER,
            is_operators INTEGER NOT NULL, waiting_digest BLOB, waiting_text TEXT, waiting_since INTEGER,
            PRIMARY KEY (server, tool)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE tool_pin_revision (id INTEGER PRIMARY KEY CHECK (id = 1), revision INTEGER NOT NULL) STRICT;
        INSERT INTO tool_pin_revision (id, revision) VALUES (1, 0);
        """
}
