import OAuth
package import Telemetry

/// What an administrator does with grants: what users allowed clients. A running gateway hears of ended ones by the
/// revocation feed, within a second.
package struct GrantAdministration: Sendable {
    /// What cannot be done, in words for the administrator.
    package enum Refusal: Error, Sendable, Equatable, CustomStringConvertible {
        case unknownUser(String)
        case unknownGrant(String)

        package var description: String {
            switch self {
            case .unknownUser(let name): "there is no user named \(name)"
            case .unknownGrant(let id): "there is no live grant \(id)"
            }
        }
    }

    /// A grant with the names of who is involved.
    package struct Entry: Sendable {
        /// The grant.
        package let grant: GrantRecord
        /// Who allowed it.
        package let userName: String
        /// What the client calls itself, made fit for a line; its identifier where it is gone.
        package let clientName: String
    }

    /// Most grants that are ended in one act of the store's reader.
    private static let batch = 1000

    private let store: any AuthorizationStore
    private let clients: ClientDirectory
    private let clock: WallClock
    private let audit: any AuditLog

    /// Creates the operations over a store; `configured` are the clients of the configuration.
    package init(
        store: any AuthorizationStore, configured: [RegisteredClient], clock: WallClock, audit: any AuditLog
    ) {
        self.store = store
        clients = ClientDirectory(configured: configured, store: store)
        self.clock = clock
        self.audit = audit
    }

    /// Live grants, newest first, of the account with this name, to this client, or all; at most `limit`.
    package func list(of userName: String?, to client: String?, limit: Int) async throws -> [Entry] {
        let names = try await UserNames(store)
        let owner = try names.id(of: userName, orThrow: Refusal.unknownUser)
        var clientNames: [ClientID: String] = [:]
        var entries: [Entry] = []
        let grants = try await store.grants(
            of: owner, to: client.map { ClientID($0) }, limit: limit, at: clock.now())
        for grant in grants {
            if clientNames[grant.client] == nil { clientNames[grant.client] = try await name(of: grant.client) }
            entries.append(
                Entry(
                    grant: grant, userName: names[grant.user],
                    clientName: clientNames[grant.client] ?? grant.client.value))
        }
        return entries
    }

    /// Ends one grant with every token of it.
    package func revoke(_ id: String) async throws {
        let grant = GrantID(id)
        guard let record = try await store.grant(grant),
            try await store.revoke(grant, reason: .userRequest, at: clock.now()) == .revoked
        else { throw Refusal.unknownGrant(id) }
        note(record)
    }

    /// Ends every live grant of the account with this name, to this client, or all; returns how many.
    package func revokeAll(of userName: String?, to client: String?) async throws -> Int {
        let owner = try await UserNames(store).id(of: userName, orThrow: Refusal.unknownUser)
        var count = 0
        while true {
            let grants = try await store.grants(
                of: owner, to: client.map { ClientID($0) }, limit: Self.batch, at: clock.now())
            for grant in grants
            where try await store.revoke(grant.id, reason: .userRequest, at: clock.now()) == .revoked {
                note(grant)
                count += 1
            }
            guard grants.count == Self.batch else { return count }
        }
    }

    private func name(of client: ClientID) async throws -> String {
        try await clients.client(client)?.displayName ?? client.value
    }

    private func note(_ grant: GrantRecord) {
        audit.record(
            AuditEvent(
                time: clock.now(), action: .tokenRevoked, user: grant.user.value, client: grant.client.value,
                detail: [("by", "command"), ("grant", grant.id.value)]))
    }
}
