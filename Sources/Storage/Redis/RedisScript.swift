import Crypto

/// One atomic act of the shared store as a server-side script: `EVALSHA`, and `EVAL` where the server does not know it yet.
///
/// A script begins with the functions of `RedisPrelude`. It gets the prefix of all keys as `KEYS[1]`, a key for the note of
/// its outcome as `KEYS[2]` (when it decides), and its values as `ARGV`. It returns
/// a list whose first element says what came of it.
struct RedisScript: Sendable {
    /// What a script does to the store.
    enum Effect: Sendable {
        /// It reads.
        case none
        /// It notes something whose loss harms nobody, and which may be noted twice.
        case note
        /// It decides: noted under a key of its own, so that asking again gives the same answer (F10), and confirmed by a
        /// replica where there is one (F11).
        case decision
    }

    /// What it does to the store.
    let effect: Effect
    /// The whole text.
    let source: [UInt8]
    /// SHA-1 of the text in hexadecimal, by which the server knows it.
    let digest: [UInt8]

    /// A script whose `body` is that of a Lua function.
    init(_ effect: Effect, _ body: String) {
        self.effect = effect
        let shebang = effect == .none ? "#!lua flags=no-writes\n" : "#!lua\n"
        let text = shebang + RedisPrelude.text + "local function act()\n" + body + "\nend\n" + RedisPrelude.ending
        source = Array(text.utf8)
        digest = Array(SHA1.hexadecimal(source).utf8)
    }

    /// The command that runs it by its digest. `note` is the key for the note of its outcome.
    func call(prefix: String, note: [UInt8]?, arguments: [[UInt8]]) -> [UInt8] {
        RESPCommand.encode([Array("EVALSHA".utf8), digest] + Self.keys(prefix, note) + arguments)
    }

    /// The command that runs it by its text.
    func evaluation(prefix: String, note: [UInt8]? = nil, arguments: [[UInt8]]) -> [UInt8] {
        RESPCommand.encode([Array("EVAL".utf8), source] + Self.keys(prefix, note) + arguments)
    }

    private static func keys(_ prefix: String, _ note: [UInt8]?) -> [[UInt8]] {
        [Array((note == nil ? "1" : "2").utf8), Array(prefix.utf8)] + (note.map { [$0] } ?? [])
    }
}
