extension Schema {
    /// Grants without a code, keys that bind, and what is presented once.
    static let clientsAndGrants = """
        ALTER TABLE grant_family ADD COLUMN key_thumbprint TEXT;
        ALTER TABLE authorization_code ADD COLUMN key_thumbprint TEXT;

        CREATE TABLE one_time_use (id BLOB PRIMARY KEY, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        CREATE INDEX one_time_use_end ON one_time_use (until);

        CREATE TABLE pushed_request (
            id BLOB PRIMARY KEY, client TEXT NOT NULL, parameters BLOB NOT NULL, pushed_at INTEGER NOT NULL,
            expires_at INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX pushed_request_age ON pushed_request (pushed_at);

        CREATE TABLE device_authorization (
            id BLOB PRIMARY KEY, user_code BLOB NOT NULL UNIQUE, client TEXT NOT NULL, scope BLOB NOT NULL,
            resources BLOB NOT NULL, issuer TEXT NOT NULL, stage TEXT NOT NULL, began_at INTEGER NOT NULL,
            expires_at INTEGER NOT NULL, interval INTEGER NOT NULL, polled_at INTEGER,
            grant_id TEXT, grant_user TEXT, grant_scope BLOB, grant_resources BLOB, granted_at INTEGER,
            grant_expires_at INTEGER
        ) STRICT;
        CREATE INDEX device_authorization_age ON device_authorization (began_at);
        CREATE INDEX device_authorization_user ON device_authorization (grant_user) WHERE stage = 'approved';

        CREATE TABLE api_key (
            id TEXT PRIMARY KEY, digest BLOB NOT NULL UNIQUE, hint TEXT NOT NULL, name TEXT NOT NULL,
            user TEXT NOT NULL, scope BLOB NOT NULL, resources BLOB NOT NULL, created_at INTEGER NOT NULL,
            expires_at INTEGER NOT NULL, revoked_at INTEGER, last_used_at INTEGER
        ) STRICT;
        CREATE INDEX api_key_user ON api_key (user, created_at);
        """
}
