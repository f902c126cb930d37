import AsyncIO
import Gateway
import JSON
import OAuth

/// The client that `sallyport client add` describes: the words of RFC 7591 as options, and its rules.
struct ClientDescription {
    static let options = [
        "--id", "--redirect-uri", "--grant-types", "--auth-method", "--jwks", "--jwks-uri", "--scopes", "--servers",
        "--application-type",
    ]
    static let flags = ["--public", "--first-party"]
    private static let maximumKeySetBytes = 64 << 10

    let metadata: ClientMetadata
    /// The paths of `--servers`; nil means all.
    let resources: [String]?

    /// Reads the options; `servers` are the names in the configuration.
    init(_ name: String, _ arguments: ParsedArguments, servers: [String]) throws(CommandFailure) {
        resources = try Self.paths(arguments["--servers"], servers)
        var members: [JSONValue.Member] = [.init("client_name", .string(name))]
        func add(_ member: String, _ value: JSONValue?) { if let value { members.append(.init(member, value)) } }
        let grants = Self.list(arguments["--grant-types"]) ?? ["authorization_code", "refresh_token"]
        add("grant_types", .array(grants.map { .string($0) }))
        add("redirect_uris", Self.list(arguments["--redirect-uri"]).map { .array($0.map { .string($0) }) })
        add("scope", Self.list(arguments["--scopes"]).map { .string($0.joined(separator: " ")) })
        add("application_type", arguments["--application-type"].map { .string($0) })
        add("jwks_uri", arguments["--jwks-uri"].map { .string($0) })
        add("jwks", try arguments["--jwks"].map { path throws(CommandFailure) in try Self.keySet(path) })
        let hasKeys = arguments["--jwks-uri"] != nil || arguments["--jwks"] != nil
        let usual = arguments.has("--public") ? "none" : hasKeys ? "private_key_jwt" : "client_secret_basic"
        add("token_endpoint_auth_method", .string(arguments["--auth-method"] ?? usual))
        metadata = try Self.metadata(.object(members))
        if let grant = metadata.unprovenGrantType {
            throw CommandFailure(code: .dataError, message: "a public client cannot have the grant type \(grant)")
        }
    }

    private static func metadata(_ value: JSONValue) throws(CommandFailure) -> ClientMetadata {
        do {
            return try ClientMetadata(parsing: JSONDocument(parsing: value.serialized()))
        } catch {
            let message = (error as? OAuthError)?.description ?? "\(error)"
            throw CommandFailure(code: .dataError, message: message, hint: "sallyport client --help")
        }
    }

    private static func list(_ text: String?) -> [String]? {
        text.map { $0.split(separator: ",").map(String.init) }
    }

    private static func keySet(_ path: String) throws(CommandFailure) -> JSONValue {
        let bytes: [UInt8]
        do throws(FileSystem.Failure) {
            bytes = try FileSystem.readFile(path, maximum: maximumKeySetBytes)
        } catch {
            throw CommandFailure(code: .noInput, message: "cannot read \(path): \(error.reason)")
        }
        do throws(JSONSyntaxError) {
            return JSONValue(try JSONDocument(parsing: bytes).root)
        } catch {
            throw CommandFailure(code: .dataError, message: "\(path) is no JSON: \(error)")
        }
    }

    private static func paths(_ text: String?, _ servers: [String]) throws(CommandFailure) -> [String]? {
        guard let names = list(text) else { return nil }
        let known = servers.isEmpty ? ["demo"] : servers
        for name in names where !known.contains(name) && name != AggregateConfiguration.path {
            let near = Suggestion.nearest(to: name, among: known).map { "did you mean \"\($0)\"?" }
            throw CommandFailure(code: .dataError, message: "there is no server named \"\(name)\"", hint: near)
        }
        return names.map { $0 == AggregateConfiguration.path ? $0 : "/\($0)/mcp" }
    }
}
