/// The tables and how older files get them. A migration that has been released is never edited.
///
/// Identifiers and names compare as bytes (`BINARY`, the default); secrets are here as SHA-256 digests or sealed.
enum Schema {
    /// Marks a file as ours: "SALY".
    static let applicationID: Int64 = 0x5341_4C59

    /// Each step takes a file from the version that is its index to the next one.
    static let migrations: [(name: String, sql: String)] = [
        ("authorization server", authorizationServer),
        ("clients and grants", clientsAndGrants),
        ("registrations", registrations),
        ("identities of other issuers", identities),
        ("pins of tools", toolPins),
    ]

    private static let authorizationServer = """
        CREATE TABLE migration (
            version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE clock (id INTEGER PRIMARY KEY CHECK (id = 1), mark INTEGER NOT NULL) STRICT;
        INSERT INTO clock (id, mark) VALUES (1, 0);

        CREATE TABLE client (
            id TEXT PRIMARY KEY, metadata BLOB NOT NULL, secret_digest BLOB,
            registered_at INTEGER NOT NULL, last_used_at INTEGER
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX client_unused ON client (registered_at) WHERE last_used_at IS NULL;

        CREATE TABLE authorization_transaction (
            id BLOB PRIMARY KEY, browser BLOB NOT NULL, stage TEXT NOT NULL, request BLOB NOT NULL, user TEXT,
            began_at INTEGER NOT NULL, expires_at INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX authorization_transaction_age ON authorization_transaction (began_at);

        CREATE TABLE authorization_code (
            id BLOB PRIMARY KEY, grant_id TEXT NOT NULL, user TEXT NOT NULL, client TEXT NOT NULL, scope BLOB NOT NULL,
            resources BLOB NOT NULL, issuer TEXT NOT NULL, granted_at INTEGER NOT NULL,
            grant_expires_at INTEGER NOT NULL, redirect_uri TEXT NOT NULL, code_challenge TEXT NOT NULL,
            issued_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, redeemed_at INTEGER, failures INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX authorization_code_user ON authorization_code (user) WHERE redeemed_at IS NULL;

        CREATE TABLE grant_family (
            id TEXT PRIMARY KEY, user TEXT NOT NULL, client TEXT NOT NULL, scope BLOB NOT NULL,
            resources BLOB NOT NULL, issuer TEXT NOT NULL, granted_at INTEGER NOT NULL, expires_at INTEGER NOT NULL,
            revoked_at INTEGER, revocation_reason TEXT
        ) STRICT;
        CREATE INDEX grant_family_user ON grant_family (user, granted_at);
        CREATE INDEX grant_family_client ON grant_family (client);
        CREATE INDEX grant_family_end ON grant_family (expires_at);

        CREATE TABLE refresh_token (
            id BLOB PRIMARY KEY, grant_id TEXT NOT NULL REFERENCES grant_family (id) ON DELETE CASCADE,
            generation INTEGER NOT NULL, issued_at INTEGER NOT NULL, rotated_at INTEGER, presentations INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX refresh_token_grant ON refresh_token (grant_id);

        CREATE TABLE revocation (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT, grant_id TEXT NOT NULL, revoked_at INTEGER NOT NULL
        ) STRICT;

        CREATE TABLE user (
            id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, email TEXT, groups BLOB NOT NULL,
            is_administrator INTEGER NOT NULL, is_disabled INTEGER NOT NULL, password_hash TEXT,
            created_at INTEGER NOT NULL, password_changed_at INTEGER
        ) STRICT;

        CREATE TABLE login_failure (
            id BLOB PRIMARY KEY, count INTEGER NOT NULL, last_at INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX login_failure_age ON login_failure (last_at);

        CREATE TABLE one_time_link (
            id BLOB PRIMARY KEY, user TEXT NOT NULL, issued_at INTEGER NOT NULL, expires_at INTEGER NOT NULL,
            used_at INTEGER
        ) STRICT;
        CREATE INDEX one_time_link_user ON one_time_link (user);

        CREATE TABLE browser_session (
            id BLOB PRIMARY KEY, user TEXT NOT NULL, started_at INTEGER NOT NULL, last_seen_at INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX browser_session_user ON browser_session (user);

        CREATE TABLE consent (
            id BLOB PRIMARY KEY, user TEXT NOT NULL, client TEXT NOT NULL, given_at INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX consent_user ON consent (user, client);

        CREATE TABLE signing_key (
            id TEXT PRIMARY KEY, algorithm TEXT NOT NULL, sealed_private_key BLOB NOT NULL,
            created_at INTEGER NOT NULL, signs_from INTEGER NOT NULL, retired_at INTEGER
        ) STRICT;
        """
}
