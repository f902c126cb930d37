import Crypto
import OAuth
import Telemetry

/// Turns an identity that a provider vouched for into an account of ours.
struct FederatedAccount {
    private static let nameAttempts = 20
    private static let maximumNameBytes = 64
    /// Groups travel in every access token: together no more than this.
    private static let maximumGroupBytes = 4096

    let service: AuthorizationService

    /// The account of an identity; made at the first login. The name has a colon, so no local account can have it.
    func signIn(_ vouched: VouchedIdentity, by provider: String) async throws -> UserRecord {
        let time = service.now
        let record = try record(vouched, provider: provider, user: UserID(""), at: time)
        let stem = "\(provider):\(Self.plain(vouched.identity.name))"
        for attempt in 1...Self.nameAttempts {
            // Renamed and reused logins: whoever comes second gets a number.
            let name = attempt == 1 ? stem : attempt < Self.nameAttempts ? "\(stem)-\(attempt)" : stem + "-" + Self.tail
            let proposed = account(of: vouched.identity, name: name, at: time)
            if case .account(let user) = try await service.store.signIn(record, proposing: proposed) { return user }
        }
        throw StoreError(.unavailable, detail: "no name is left for a new account")
    }

    /// Stores what a provider said when it was asked again.
    func confirm(_ vouched: VouchedIdentity, by provider: String, user: UserID) async throws -> Bool {
        let time = service.now
        return try await service.store.confirm(
            record(vouched, provider: provider, user: user, at: time),
            updating: account(of: vouched.identity, name: "", at: time))
    }

    private func record(
        _ vouched: VouchedIdentity, provider: String, user: UserID, at time: Timestamp
    ) throws -> IdentityRecord {
        IdentityRecord(
            id: vouched.identity.key, provider: provider, user: user, attributes: vouched.identity.serialized(),
            sealedCredential: try service.providers.seal(vouched.credential, for: vouched.identity),
            confirmedAt: time, askedAt: time)
    }

    private func account(of identity: ProviderIdentity, name: String, at time: Timestamp) -> UserRecord {
        UserRecord(
            id: UserID(Random.token("user_")), name: name, displayName: DisplayText.clean(identity.name, limit: 128),
            email: identity.email?.text, groups: Self.bounded(identity.groups), createdAt: time)
    }

    private static func bounded(_ groups: [String]) -> [String] {
        var room = maximumGroupBytes
        return groups.filter { group in
            room -= group.utf8.count + 3
            return room >= 0
        }
    }

    private static var tail: String { String(Random.token("").prefix(12)) }

    private static func plain(_ name: String) -> String {
        let bytes = name.utf8.prefix(maximumNameBytes).map { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"),
                UInt8(ascii: "@"), UInt8(ascii: "+"):
                byte
            default: UInt8(ascii: "_")
            }
        }
        return bytes.isEmpty ? "user" : String(decoding: bytes, as: UTF8.self)
    }
}
