import AsyncIO

/// Why a session ended.
enum SessionEnd: Sendable, Hashable {
    case exited(ChildProcess.ExitStatus)
    case closedOutput
    case closedInput
    case garbage
    case unresponsive
    case slowStart
    /// A server elsewhere did not begin the session.
    case unreachable
    /// The stream to a server elsewhere that was the session is gone.
    case connectionLost
    /// A server elsewhere ended the session and began no other.
    case forgotten
    /// The server ended when it was asked which era it speaks; it is not asked again.
    case misaddressed
    /// Its reader takes too little of what a shared server has for it.
    case slowReader
    case idle
    case expired
    /// It made room for a user who had fewer sessions.
    case displaced
    /// DELETE.
    case deleted
    /// The stream that was the session is closed (2024-11-05).
    case disconnected
    case revoked
    /// The server was taken out of the configuration, or is configured otherwise now.
    case reconfigured
    case shutdown
    /// The client left before its session began, or the server refused to begin one.
    case abandoned

    /// What the callers that still wait are told. Names the server and how it ended, nothing that it said.
    func message(_ server: String) -> String {
        switch self {
        case .exited(.exited(let code)): "The server \"\(server)\" exited with code \(code)"
        case .exited(.killed(let signal)): "The server \"\(server)\" exited, killed by signal \(signal)"
        case .exited(.lost): "The server \"\(server)\" exited"
        case .closedOutput: "The server \"\(server)\" closed its output and was stopped"
        case .closedInput: "The server \"\(server)\" closed its input and was stopped"
        case .garbage: "The server \"\(server)\" wrote something that is not MCP and was stopped"
        case .unresponsive: "The server \"\(server)\" did not answer several calls in a row and was stopped"
        case .slowStart: "The server \"\(server)\" did not start in time"
        case .unreachable: "The server \"\(server)\" cannot be reached"
        case .connectionLost: "The connection to the server \"\(server)\" was lost"
        case .forgotten: "The server \"\(server)\" has ended the session"
        case .misaddressed: "The server \"\(server)\" ended before it answered"
        case .slowReader: "The client does not keep up"
        case .idle, .expired, .displaced: "The session has expired"
        case .deleted: "The session was ended by the client"
        case .disconnected: "The client has gone"
        case .revoked: "The authorization for this session was revoked"
        case .reconfigured: "The configuration of the server \"\(server)\" has changed"
        case .shutdown: "The gateway is being stopped"
        case .abandoned: "The session did not begin"
        }
    }

    /// For logs and audit: a closed set of words.
    var label: String {
        switch self {
        case .exited: "exited"
        case .closedOutput: "closed_output"
        case .closedInput: "closed_input"
        case .garbage: "garbage"
        case .unresponsive: "unresponsive"
        case .slowStart: "slow_start"
        case .unreachable: "unreachable"
        case .connectionLost: "connection_lost"
        case .forgotten: "forgotten"
        case .misaddressed: "misaddressed"
        case .slowReader: "slow_reader"
        case .idle: "idle"
        case .expired: "expired"
        case .displaced: "displaced"
        case .deleted: "deleted"
        case .disconnected: "disconnected"
        case .revoked: "revoked"
        case .reconfigured: "reconfigured"
        case .shutdown: "shutdown"
        case .abandoned: "abandoned"
        }
    }

    /// Whether the server is to blame.
    var isFault: Bool {
        switch self {
        case .exited, .closedOutput, .closedInput, .garbage, .unresponsive, .slowStart, .unreachable, .connectionLost:
            true
        case .misaddressed, .slowReader, .forgotten, .idle, .expired, .displaced, .deleted, .disconnected, .revoked,
            .reconfigured, .shutdown, .abandoned:
            false
        }
    }
}
