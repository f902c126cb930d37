extension Schema {
    /// Management of registrations, and clients that operators add.
    static let registrations = """
        ALTER TABLE client ADD COLUMN registration_digest BLOB;
        ALTER TABLE client ADD COLUMN previous_registration_digest BLOB;
        ALTER TABLE client ADD COLUMN is_managed INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE client ADD COLUMN is_first_party INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE client ADD COLUMN resources BLOB;
        CREATE INDEX consent_client ON consent (client);
        CREATE INDEX authorization_code_client ON authorization_code (client) WHERE redeemed_at IS NULL;
        """
}
