import Crypto
import JSON
import MCP
import OAuth

/// What a modern client knows a task by (M08): whose session it was made in, and what its server calls it.
struct TaskHandle: Sendable, Hashable {
    let session: SessionID
    /// The server's own name.
    let task: String
}

/// Seals the names of tasks: what one principal was given is nothing in the hands of another, and the server never hears of
/// it. Unlike the state of a request they have no end of their own: how long a task lasts is its server's to say, and clients
/// keep its name meanwhile.
struct TaskHandles: Sendable {
    /// Longest name of a server's that is carried for it: it goes into a header field, too.
    private static let maximumName = 1024

    private let key: SealingKey

    init(key: SealingKey) {
        self.key = key.derived(for: "task-handle")
    }

    /// The name for `principal`, good at `server`; nil where the server's own cannot be carried, or without randomness.
    func seal(_ handle: TaskHandle, for principal: Principal, at server: String) -> String? {
        guard handle.task.utf8.count <= Self.maximumName else { return nil }
        let plaintext: JSONValue = ["s": .string(handle.session.text), "t": .string(handle.task)]
        let context = principal.sealingContext(at: server)
        return (try? key.seal(plaintext.serialized(), authenticating: context)).map { Base64URL.encode($0) }
    }

    /// What `text` names; nil where it is damaged, another principal's or another server's.
    func open(_ text: [UInt8], for principal: Principal, at server: String) -> TaskHandle? {
        guard let sealed = Base64URL.decode(text),
            let plaintext = key.open(sealed, authenticating: principal.sealingContext(at: server)),
            let root = (try? JSONDocument(parsing: plaintext))?.root,
            let session = root["s"]?.stringBytes, let task = root["t"]?.string
        else { return nil }
        return TaskHandle(session: SessionID(session[...]), task: task)
    }
}
