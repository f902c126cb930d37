import Crypto
import JSON
import MCP
import OAuth
import Telemetry

/// What `requestState` of a parked call holds (c27, M08): where the call waits, which round of it, which request it is,
/// until when.
struct RequestState: Sendable, Hashable {
    let session: SessionID
    let call: Int
    let round: Int
    let digest: [UInt8]
    let expires: Timestamp
    /// JSON text of the state of a modern server, whose own it is; `call` and `round` mean nothing then.
    var relayed: [UInt8]?
}

/// Seals what clients carry for us: unreadable, unchangeable, bound to the principal that got it.
struct RequestStates: Sendable {
    /// How long a client has to answer.
    let lifetime: Duration
    private let key: SealingKey
    private let clock: WallClock

    init(key: SealingKey, clock: WallClock, lifetime: Duration = GatewayLimits().answerTimeout) {
        self.key = key.derived(for: "request-state")
        self.clock = clock
        self.lifetime = lifetime
    }

    /// When a state that is made now expires.
    var expiry: Timestamp { clock.now() + lifetime }

    /// The state for `principal`, good at `server`.
    func seal(
        _ state: RequestState, for principal: Principal, at server: String
    ) throws(CryptoError) -> String {
        var plaintext: JSONValue = [
            "s": .string(state.session.text), "c": .integer(Int64(state.call)), "r": .integer(Int64(state.round)),
            "d": .string(Base64URL.encode(state.digest)), "e": .integer(state.expires.millisecondsSinceEpoch),
        ]
        if let relayed = state.relayed { plaintext["u"] = .string(String(decoding: relayed, as: UTF8.self)) }
        let context = principal.sealingContext(at: server)
        return Base64URL.encode(try key.seal(plaintext.serialized(), authenticating: context))
    }

    /// The state in a retry; nil where it is damaged, over, another principal's or another server's (C14), or of another
    /// request.
    func open(_ text: [UInt8], for principal: Principal, at server: String, digest: [UInt8]) -> RequestState? {
        guard let sealed = Base64URL.decode(text),
            let plaintext = key.open(sealed, authenticating: principal.sealingContext(at: server)),
            let root = (try? JSONDocument(parsing: plaintext))?.root,
            let session = root["s"]?.stringBytes, let call = root["c"]?.integer.flatMap({ Int(exactly: $0) }),
            let round = root["r"]?.integer.flatMap({ Int(exactly: $0) }),
            let sealedDigest = root["d"]?.stringBytes.flatMap({ Base64URL.decode($0) }),
            let expires = root["e"]?.integer.map({ Timestamp(millisecondsSinceEpoch: $0) })
        else { return nil }
        guard clock.now() < expires, sealedDigest == digest else { return nil }
        return RequestState(
            session: SessionID(session[...]), call: call, round: round, digest: sealedDigest, expires: expires,
            relayed: root["u"]?.stringBytes)
    }
}

extension Principal {
    /// What is sealed for it at `server`, nobody else can open, nor it elsewhere. The name of a server has no colon.
    func sealingContext(at server: String) -> [UInt8] {
        Array("\(server):\(user.value.utf8.count):\(user.value)\(client.value)".utf8)
    }
}
