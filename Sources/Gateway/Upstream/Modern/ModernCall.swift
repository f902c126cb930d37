import AsyncIO
import JSON
import MCP

/// A request of a session that a modern server works on, or that waits between two of its rounds (c27). Belongs to its
/// connection and lives on its loop.
final class ModernCall {
    /// Something that the server wants to know.
    struct Question {
        /// JSON text of the server's key.
        let key: [UInt8]
        let method: MCPMethod
        /// The address that the user is to open.
        let url: [UInt8]?
    }

    /// A task that the server made of the call.
    struct OwnTask {
        /// JSON text of the server's name for it.
        let name: [UInt8]
        /// JSON text of the keys of what the client was asked for it.
        var asked: Set<[UInt8]> = []
        /// Whether the server was told last, and not asked.
        var isAnswering = false
    }

    /// The session's id.
    let id: JSONRPCID
    let method: MCPMethod
    /// Whether it came with the envelope of its client, which gets the answer as it is.
    let isRelayed: Bool
    /// Whether it lasts as long as its client listens.
    var isRelayedListen: Bool { isRelayed && method == .subscriptionsListen }
    /// The request, for its retries; nil where there can be none.
    let message: JSONRPCMessage?
    /// The name of the tool that it calls.
    let tool: JSONNode?
    /// Under which number the server works on it; nil while it does not.
    var number: Int?
    /// How often the server asked.
    var rounds = 0
    /// How often it asked for nothing but patience, one after the other.
    var pauses = 0
    /// What the client was asked and has not answered, by the numbers of the questions.
    var open: [Int: Question] = [:]
    /// JSON text of keys and of what was answered, of this round.
    var answers: [(key: [UInt8], text: [UInt8])] = []
    /// JSON text of `requestState`, of this round.
    var state: [UInt8]?
    /// The task that goes on in its place.
    var task: OwnTask?
    /// When it is tried again, or its task looked at, where that is not at once.
    var retriesAt: LoopInstant?
    /// Addresses that the user agreed to open: whoever is asked for them again was asked often enough.
    var opened: Set<[UInt8]> = []
    /// The progress that was reported last.
    var progress = -Double.infinity

    init(
        _ id: JSONRPCID, _ method: MCPMethod, _ message: JSONRPCMessage?, tool: JSONNode?, isRelayed: Bool = false
    ) {
        self.isRelayed = isRelayed
        self.id = id
        self.method = method
        self.message = message
        self.tool = tool
    }
}
