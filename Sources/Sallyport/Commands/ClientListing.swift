import AuthorizationServer
import JSON
import OAuth
import Telemetry

/// Clients as text and as JSON; with a secret only in the answer that makes it.
enum ClientListing {
    /// One line for each client.
    static func table(_ entries: [ClientAdministration.Entry]) -> String {
        guard !entries.isEmpty else { return "no clients" }
        return TextTable.render(
            ["CLIENT", "NAME", "SOURCE", "AUTHENTICATION", "LAST USED"],
            entries.map { entry in
                [
                    entry.client.id.value, entry.client.displayName, source(of: entry),
                    entry.client.metadata.tokenEndpointAuthMethod.rawValue,
                    entry.record.map { $0.lastUsedAt?.iso8601 ?? "never" } ?? "",
                ]
            })
    }

    /// One client, for reading.
    static func text(_ entry: ClientAdministration.Entry, grants: Int) -> String {
        var rows = [table([entry]), "live grants: \(grants)"]
        rows += entry.client.metadata.redirectURIs.map { "redirect URI: \($0.text)" }
        rows.append("grant types: \(entry.client.metadata.grantTypes.joined(separator: ", "))")
        if let scope = entry.client.metadata.scope { rows.append("scope: \(scope)") }
        if let resources = entry.client.allowedResources {
            rows.append("servers: \(resources.joined(separator: ", "))")
        }
        if entry.client.isFirstParty { rows.append("first party") }
        return rows.joined(separator: "\n")
    }

    /// All clients as a JSON array.
    static func json(_ entries: [ClientAdministration.Entry]) -> String {
        serialized(.array(entries.map { .object(members($0)) }))
    }

    /// One client as a JSON object, with what is known beside it.
    static func json(_ entry: ClientAdministration.Entry, grants: Int? = nil, secret: String? = nil) -> String {
        var members = members(entry)
        if let grants { members.append(.init("live_grants", .integer(Int64(grants)))) }
        if let secret { members.append(.init("client_secret", .string(secret))) }
        return serialized(.object(members))
    }

    private static func members(_ entry: ClientAdministration.Entry) -> [JSONValue.Member] {
        var members: [JSONValue.Member] = [
            .init("client_id", .string(entry.client.id.value)), .init("source", .string(source(of: entry))),
            .init("first_party", .boolean(entry.client.isFirstParty)),
            .init("has_secret", .boolean(entry.client.metadata.tokenEndpointAuthMethod.usesSecret)),
        ]
        if let record = entry.record {
            members.append(.init("registered_at", .string(record.registeredAt.iso8601)))
            members.append(.init("last_used_at", record.lastUsedAt.map { .string($0.iso8601) } ?? .null))
        }
        if let resources = entry.client.allowedResources {
            members.append(.init("resources", .array(resources.map { .string($0) })))
        }
        if case .object(let registered) = entry.client.metadata.json() { members += registered }
        return members
    }

    private static func source(of entry: ClientAdministration.Entry) -> String {
        guard let record = entry.record else { return "configuration" }
        return record.isManaged ? "operator" : "registration"
    }

    private static func serialized(_ value: JSONValue) -> String { String(decoding: value.serialized(), as: UTF8.self) }
}
