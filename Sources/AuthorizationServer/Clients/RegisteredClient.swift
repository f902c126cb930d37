import JSON
import OAuth

/// A registered client as the endpoints use it.
struct RegisteredClient {
    /// How it is stored.
    let record: ClientRecord
    /// Its metadata, read.
    let metadata: ClientMetadata

    /// Reads a stored client.
    init(_ record: ClientRecord) throws(StoreError) {
        self.record = record
        guard let document = try? JSONDocument(parsing: record.metadata),  // any error means the same here
            let metadata = try? ClientMetadata(parsing: document)
        else { throw StoreError(.corrupt, detail: "client metadata cannot be read") }
        self.metadata = metadata
    }

    /// `client_id`.
    var id: ClientID { record.id }

    /// What it calls itself, fit for a page.
    var displayName: String {
        let name = DisplayText.clean(metadata.clientName ?? "")
        return name.isEmpty ? "An application without a name" : name
    }

    /// The requested redirect URI when it is one of the registered ones: byte for byte, or by the loopback port rule
    /// (A01, A02).
    func redirectURI(matching requested: String) -> RedirectURI? {
        guard let uri = try? RedirectURI(parsing: requested) else { return nil }  // unreadable is not registered
        return metadata.redirectURIs.contains { uri.matches(registered: $0) } ? uri : nil
    }
}
