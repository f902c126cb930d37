import JSON

/// Requests of the server that its client has not answered, with the number of the session that asked: the next session counts
/// from the beginning again, and an answer must not meet another question of the same number there.
struct OpenQuestions {
    /// Most that are open at once; beyond that none reaches the client.
    private static let maximum = 1024

    private var sessions: [JSONRPCID: Int] = [:]

    /// Looks at what the server says in `session`; false where it is a question that cannot be answered.
    mutating func admit(_ message: JSONNode, of session: Int, isCurrent: Bool) -> Bool {
        guard let method = message["method"] else { return true }
        guard let id = message["id"].flatMap({ JSONRPCID($0) }) else {
            if method.equals("notifications/cancelled"),
                let id = message["params"]?["requestId"].flatMap({ JSONRPCID($0) }), sessions[id] == session
            {
                sessions[id] = nil
            }
            return true
        }
        guard isCurrent, sessions.count < Self.maximum || sessions[id] != nil else { return false }
        sessions[id] = session
        return true
    }

    /// Whether the client's answer under `id` is for `session`; it is good once.
    mutating func takeAnswer(_ id: JSONRPCID, for session: Int) -> Bool {
        guard sessions[id] == session else { return false }
        sessions[id] = nil
        return true
    }

    /// Those that will not be answered any more: there is nobody left who asked them.
    mutating func takeAll() -> [JSONRPCID] {
        defer { sessions = [:] }
        return Array(sessions.keys)
    }
}
