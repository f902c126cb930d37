import AsyncIO
import HTTP
import Synchronization

/// The icons of servers, fetched when somebody wants to see them and kept for a while: small pictures of kinds that carry no
/// script, told by what they begin with. Nothing of whom they are for goes along (2025-11-25, "icons").
///
/// A lock: connections of every loop ask.
final class IconPictures: Sendable {
    struct Picture: Sendable, Hashable {
        let type: String
        let bytes: [UInt8]
    }

    private struct Entry {
        /// Nil where there is none to show.
        let picture: Picture?
        let until: LoopInstant
    }

    private struct State {
        var entries: [HTTPURL: Entry] = [:]
        var bytes = 0
        var fetches = 0
    }

    static let maximumPicture = 256 << 10
    private static let maximumBytes = 8 << 20
    private static let maximumEntries = 1024
    private static let maximumFetches = 8
    private static let lifetime = Duration.seconds(3600)
    /// After which what was no picture is asked for again.
    private static let doubt = Duration.seconds(60)

    private let common: HTTPClient
    /// For servers that the operator named by their addresses.
    private let own: [String: HTTPClient]
    private let state = Mutex(State())

    init(_ configuration: GatewayConfiguration, on loop: EventLoop) {
        common = HTTPClient(on: loop, policy: Self.policy(.publicOnly))
        own = Dictionary(
            configuration.servers.compactMap { server in
                server.remote.map { remote in
                    var policy = Self.policy(.configured)
                    policy.certificateAuthorities = remote.certificateAuthorities
                    return (server.name, HTTPClient(on: loop, policy: policy))
                }
            }
        ) { first, _ in first }
    }

    private static func policy(_ given: EgressPolicy) -> EgressPolicy {
        var policy = given
        policy.maximumBodyBytes = maximumPicture
        return policy
    }

    /// The picture that `server` has at `url`; nil where there is none that can be shown, or too many are being fetched.
    func picture(at url: HTTPURL, of server: String) async -> Picture? {
        let now = EventLoop.preciseNow
        if let known = state.withLock({ $0.entries[url] }), known.until > now { return known.picture }
        let mayFetch = state.withLock { state in
            guard state.fetches < Self.maximumFetches else { return false }
            state.fetches += 1
            return true
        }
        guard mayFetch else { return nil }
        let picture = await fetch(url, own[server] ?? common)
        let isComplete = !Task.isCancelled
        state.withLock { state in
            state.fetches -= 1
            // Whoever went away has found out nothing.
            if isComplete { Self.keep(picture, at: url, in: &state) }
        }
        return picture
    }

    private static func keep(_ picture: Picture?, at url: HTTPURL, in state: inout State) {
        let size = picture?.bytes.count ?? 0
        state.bytes -= state.entries.removeValue(forKey: url)?.picture?.bytes.count ?? 0
        while state.bytes + size > maximumBytes || state.entries.count >= maximumEntries,
            let any = state.entries.first
        {
            state.bytes -= any.value.picture?.bytes.count ?? 0
            state.entries[any.key] = nil
        }
        state.bytes += size
        state.entries[url] = Entry(
            picture: picture, until: EventLoop.preciseNow + (picture == nil ? doubt : lifetime))
    }

    private func fetch(_ url: HTTPURL, _ http: HTTPClient) async -> Picture? {
        let fields: HTTPFields = ["Accept": "image/png, image/jpeg, image/webp, image/gif", "User-Agent": "sallyport"]
        do throws(HTTPClientError) {
            let response = try await http.send(HTTPClientRequest(url: url, fields: fields))
            guard response.status == .ok else { return nil }
            let bytes = try await response.body.collect(upTo: Self.maximumPicture)
            return Self.type(of: bytes).map { Picture(type: $0, bytes: bytes) }
        } catch {
            return nil
        }
    }

    /// Which kind of picture it is, whatever its server says; nil for all others, of which some are programs.
    static func type(of bytes: [UInt8]) -> String? {
        if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) { return "image/png" }
        if bytes.starts(with: [0xFF, 0xD8, 0xFF]) { return "image/jpeg" }
        if bytes.starts(with: "GIF87a".utf8) || bytes.starts(with: "GIF89a".utf8) { return "image/gif" }
        if bytes.starts(with: "RIFF".utf8), bytes.dropFirst(8).starts(with: "WEBP".utf8) { return "image/webp" }
        return nil
    }
}
