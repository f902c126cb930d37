import AsyncIO
import HTTP
import MCP
import Telemetry

/// What `connect`, `call` and `list` need to reach a remote server: its address, and how to get in.
struct RemoteServer: Sendable {
    /// The options that they share.
    static let options = ["--token-file"]
    static let flags = ["--allow-http", "--no-browser", "--forget-login", "--verbose"]

    let endpoint: HTTPURL
    // The token that the person gave; without one, the login of this user serves.
    private let token: String?
    private let logins: RemoteCredentialStore
    private let browser: Browser

    /// Whether somebody is in the browser, logging in.
    var isLoggingIn: Bool { browser.isAsking }

    /// `isAttended`: the program that runs us does so for a person, whom a browser may be shown.
    init(
        _ arguments: ParsedArguments, environment: [String: String], isAttended: Bool = false
    ) throws(CommandFailure) {
        let text = arguments.words.first ?? ""
        do throws(HTTPURLError) {
            endpoint = try HTTPURL(text)
        } catch {
            throw CommandFailure(
                code: .usage, message: "\"\(text)\" is no address of a server (\(error))",
                hint: "like https://mcp.example.com/notes/mcp")
        }
        // A token on the open network belongs to whoever listens.
        guard endpoint.scheme == .https || endpoint.host.isThisMachine || arguments.has("--allow-http") else {
            throw CommandFailure(
                code: .usage, message: "\(endpoint.origin) is not encrypted, and not on this machine",
                hint: "use https, or --allow-http where you know the network")
        }
        LogSink.standard.configure(format: .text, levels: LogLevels(arguments.has("--verbose") ? .debug : .warning))
        token = try Self.token(arguments, environment)
        logins = RemoteCredentialStore(environment: environment)
        browser = Browser(
            environment: environment, isAllowed: !arguments.has("--no-browser"), isAttended: isAttended)
        guard arguments.has("--forget-login") else { return }
        do throws(FileSystem.Failure) {
            try logins.forget(endpoint)
        } catch {
            throw CommandFailure(code: .ioError, message: "the login at \(endpoint.origin) is still kept: \(error)")
        }
    }

    /// How to get in, on `loop`.
    func authorizer(on loop: EventLoop) -> any RequestAuthorizer {
        if let token { return FixedAuthorization("Bearer \(token)") }
        return RemoteAuthorizer(
            endpoint: endpoint, store: logins, login: RemoteLogin(endpoint: endpoint, browser: browser, on: loop),
            on: loop)
    }

    /// The token that the person gave, if any: an argument would be seen by every user of the machine.
    private static func token(
        _ arguments: ParsedArguments, _ environment: [String: String]
    ) throws(CommandFailure) -> String? {
        guard let path = arguments["--token-file"] else { return environment["SALLYPORT_TOKEN"] }
        let bytes: [UInt8]
        do throws(FileSystem.Failure) {
            bytes = try FileSystem.readFile(path, maximum: 65_536)
        } catch {
            throw CommandFailure(code: .noInput, message: "the token file \(path) cannot be read: \(error.reason)")
        }
        let token = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace).first
        guard let token else { throw CommandFailure(code: .dataError, message: "the token file \(path) is empty") }
        return String(token)
    }

    /// A client on `loop` whose messages go to `deliver`. The operator named the address, so it may be any; streams have
    /// no end and no size.
    func client(
        on loop: EventLoop, deliver: @escaping StreamableHTTPClient.Delivery
    ) -> StreamableHTTPClient {
        let policy = EgressPolicy(
            addresses: .any, allowsPlainHTTP: true, maximumBodyBytes: nil, connectTimeout: .seconds(15),
            totalTimeout: nil)
        return StreamableHTTPClient(
            endpoint: endpoint, http: HTTPClient(on: loop, policy: policy), authorizer: authorizer(on: loop),
            logger: Logger(label: "remote"), deliver: deliver)
    }
}
