import AsyncIO
import Glibc
import JSON

// Tools that say what reaches a server behind the gateway. What does not reach it (headers, the token, the page of a caller) none of
// them makes up.
extension DemoServer {
    /// Variables whose value is no secret; of all others there is the name alone.
    private static let plainVariables: Set<String> = [
        "HOME", "LANG", "LOGNAME", "PATH", "PWD", "SHELL", "TERM", "TMPDIR", "TZ", "USER",
    ]

    /// One of these tools; false where `name` is none of them.
    func diagnose(_ name: String, _ params: JSONNode?, id: [UInt8]) -> Bool {
        switch name {
        case "replay": replay(for: params, id: id)
        case "timing": send(members: timing(params?["_meta"]), id: id)
        case "environment": send(members: Self.shown(Environment.all), id: id)
        case "health": send(members: health(), id: id)
        case "session": send(members: describeSession(params?["_meta"]), id: id)
        default: return false
        }
        return true
    }

    private func send(members: [JSONValue.Member], id: [UInt8]) {
        send(text: String(decoding: JSONValue.object(members).serialized(), as: UTF8.self), id: id)
    }

    /// What `echo` was told last. Where one process serves several users nobody gets what another one said.
    private func replay(for params: JSONNode?, id: [UInt8]) {
        guard let message = lastEcho?["arguments"]?["message"] else {
            return send(text: "nothing was echoed yet", id: id)
        }
        let (then, now) = (Self.identity(lastEcho?["_meta"]), Self.identity(params?["_meta"]))
        guard then.elementsEqual(now) else { return send(text: "what was echoed last was somebody else's", id: id) }
        send(quotedText: message.bytes, id: id)
    }

    /// Who the gateway says that somebody is, as it wrote it.
    private static func identity(_ meta: JSONNode?) -> [UInt8] {
        guard let meta, meta.isObject else { return [] }
        return meta.members.filter { $0.key.string?.contains("sallyport/") == true }.flatMap { Array($0.value.bytes) }
    }

    private func timing(_ meta: JSONNode?) -> [JSONValue.Member] {
        var now = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &now)
        var members: [JSONValue.Member] = [
            .init("seconds_since_1970", .string("\(now.tv_sec).\(Self.thousandths(now.tv_nsec))")),
            .init("milliseconds_since_start", .integer(milliseconds)), .init("calls_since_start", .integer(calls)),
        ]
        // By this the call is found in the traces of the gateway.
        if let trace = meta?["traceparent"]?.string { members.append(.init("traceparent", .string(trace))) }
        return members
    }

    private static func thousandths(_ nanoseconds: Int) -> String {
        let text = "\(nanoseconds / 1_000_000)"
        return String(repeating: "0", count: max(0, 3 - text.utf8.count)) + text
    }

    private var milliseconds: Int64 { Int64((ContinuousClock.now - startedAt) / .milliseconds(1)) }

    /// An environment with the values that hold no secret.
    static func shown(_ environment: [String: String]) -> [JSONValue.Member] {
        environment.sorted { $0.key < $1.key }.map { name, value in
            let isPlain = plainVariables.contains(name) || name.hasPrefix("SALLYPORT_USER_")
            return .init(name, .string(isPlain ? value : "(set, not shown)"))
        }
    }

    private func health() -> [JSONValue.Member] {
        [
            .init("status", "ok"), .init("version", .string(Version.text)), .init("pid", .integer(Int64(getpid()))),
            .init("milliseconds_since_start", .integer(milliseconds)), .init("waiting", .integer(Int64(waiting))),
        ]
    }

    private func describeSession(_ meta: JSONNode?) -> [JSONValue.Member] {
        var members: [JSONValue.Member] = [
            .init("protocol_version", .string(session.protocolVersion)),
            .init("era", .string(modern == nil ? "legacy" : "modern")),
            .init("elicitation", .boolean(session.canElicit)), .init("sampling", .boolean(session.canSample)),
            .init("roots", .boolean(session.hasRoots)),
        ]
        let levels = DemoSession.levels
        let level = levels.indices.contains(session.minimumLevel) ? levels[session.minimumLevel] : "none"
        members.append(.init("log_level", .string(level)))
        let client = modern == nil ? session.client : meta?["io.modelcontextprotocol/clientInfo"].map { JSONValue($0) }
        if let client { members.append(.init("client", client)) }
        return members
    }
}
