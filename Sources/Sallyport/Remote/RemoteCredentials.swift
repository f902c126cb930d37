import AsyncIO
import Crypto
import Glibc
import HTTP
import JSON

/// What a login at a remote server left behind: our registration there and the tokens.
struct RemoteCredentials: Sendable, Equatable {
    /// The endpoint that it is for.
    var endpoint: String
    /// The authorization server that gave it; nothing of it is ever shown to another one (d11).
    var issuer: String
    var tokenEndpoint: String
    var resource: String
    var client: String
    /// The address that was registered; its port is tried again at the next login.
    var redirectURI: String
    var accessToken: String
    var refreshToken: String?
    /// Every scope that was asked for, for a step up to add to.
    var scopes: [String]
}

/// Keeps credentials, one file for each endpoint, readable by this user only.
struct RemoteCredentialStore: Sendable {
    private static let maximumBytes = 1 << 20

    private let base: String
    private var folder: String { "\(base)/remote" }

    /// `$XDG_DATA_HOME/sallyport/remote`.
    init(environment: [String: String]) {
        let home = environment["XDG_DATA_HOME"] ?? "\(environment["HOME"] ?? ".")/.local/share"
        base = "\(home)/sallyport"
    }

    /// The file for an endpoint.
    func path(for endpoint: HTTPURL) -> String {
        let digest = SHA256.digest(Array(endpoint.text.utf8)).bytes.prefix(16)
        return "\(folder)/\(Base64URL.encode(digest)).json"
    }

    /// What is kept for `endpoint`; blocking. A file that cannot be read counts as none: the person logs in again.
    func load(_ endpoint: HTTPURL) -> RemoteCredentials? {
        guard let bytes = try? FileSystem.readFile(path(for: endpoint), maximum: Self.maximumBytes),
            let root = try? JSONDocument(parsing: bytes).root,
            root["endpoint"]?.string?.utf8.elementsEqual(endpoint.text.utf8) == true,
            let issuer = root["issuer"]?.string, let tokenEndpoint = root["token_endpoint"]?.string,
            let resource = root["resource"]?.string, let client = root["client_id"]?.string,
            let redirectURI = root["redirect_uri"]?.string, let accessToken = root["access_token"]?.string
        else { return nil }
        return RemoteCredentials(
            endpoint: endpoint.text, issuer: issuer, tokenEndpoint: tokenEndpoint, resource: resource, client: client,
            redirectURI: redirectURI, accessToken: accessToken, refreshToken: root["refresh_token"]?.string,
            scopes: root["scopes"]?.elements.compactMap(\.string) ?? [])
    }

    /// Keeps `credentials` in the place of what was there; blocking.
    func save(_ credentials: RemoteCredentials, for endpoint: HTTPURL) throws(FileSystem.Failure) {
        var members: [JSONValue.Member] = [
            .init("endpoint", .string(credentials.endpoint)), .init("issuer", .string(credentials.issuer)),
            .init("token_endpoint", .string(credentials.tokenEndpoint)),
            .init("resource", .string(credentials.resource)), .init("client_id", .string(credentials.client)),
            .init("redirect_uri", .string(credentials.redirectURI)),
            .init("access_token", .string(credentials.accessToken)),
        ]
        if let token = credentials.refreshToken { members.append(.init("refresh_token", .string(token))) }
        members.append(.init("scopes", .array(credentials.scopes.map { .string($0) })))
        try ensureFolder()
        try FileSystem.writeFileAtomically(
            path(for: endpoint), JSONValue.object(members).serialized() + [0x0A], mode: 0o600)
    }

    /// Takes the turn of this user at `endpoint`, and waits while another process has it; blocking. Of two programs that
    /// use one login, the second must not spend a refresh token that the first has just spent, nor ask the person again.
    func turn(at endpoint: HTTPURL) throws(FileSystem.Failure) -> RemoteLoginTurn {
        try ensureFolder()
        return RemoteLoginTurn(path(for: endpoint) + ".lock")
    }

    // What is around it is where a gateway of this user keeps its own data, and it takes no folder that others can enter.
    // One that is there already is left as it is.
    private func ensureFolder() throws(FileSystem.Failure) {
        if !FileSystem.exists(base) { try FileSystem.ensureDirectory(base, mode: 0o700) }
        try FileSystem.ensureDirectory(folder, mode: 0o700)
    }

    /// Forgets what is kept for `endpoint`. Blocking.
    func forget(_ endpoint: HTTPURL) throws(FileSystem.Failure) {
        guard FileSystem.exists(path(for: endpoint)) else { return }
        try FileSystem.removeFile(path(for: endpoint))
    }
}

/// The turn of one process to log in or to refresh. Ends with it.
final class RemoteLoginTurn: Sendable {
    private let descriptor: Int32

    /// Waits for it. Where the file cannot be made there is nobody to wait for.
    fileprivate init(_ path: String) {
        descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { return }
        while flock(descriptor, LOCK_EX) != 0 && errno == EINTR {}
    }

    deinit { if descriptor >= 0 { close(descriptor) } }
}
