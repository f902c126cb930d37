import JSON

/// Messages about tasks of the modern era, with what one hop or the other calls the task.
package enum TaskMessage {
    /// Tasks that one listen may name.
    package static let maximumListened = 256

    /// `request` for the task that the server knows as `task`.
    package static func addressed(_ request: JSONRPCMessage, to task: String) -> JSONRPCMessage {
        guard let own = request.params?["taskId"] else { return request }
        return read(Splice.replacing(own, with: JSONText.quoted(task), in: request.node)) ?? request
    }

    /// What a `subscriptions/listen` names under `taskIds`, as it was written; nil where it names none. Another kind of value
    /// is `-32602`.
    package static func listened(_ request: JSONRPCMessage) throws(JSONRPCError) -> [[UInt8]]? {
        guard let asked = request.params?["notifications"]?["taskIds"] else { return nil }
        guard asked.isArray, asked.count <= maximumListened, asked.elements.allSatisfy({ $0.kind == .string }) else {
            throw JSONRPCError(.invalidParams, "\"taskIds\" must be a list of at most \(maximumListened) strings")
        }
        return asked.elements.compactMap(\.stringBytes)
    }

    /// A `subscriptions/listen` for `tasks`, as the server knows them; `alone` leaves out what else it names.
    package static func listening(
        _ request: JSONRPCMessage, to tasks: [String], alone: Bool = false
    ) -> JSONRPCMessage {
        guard let notifications = request.params?["notifications"], let asked = notifications["taskIds"] else {
            return request
        }
        let names = list(tasks.map { JSONText.quoted($0) })
        let text =
            alone
            ? Splice.replacing(
                notifications, with: Array("{\"taskIds\":".utf8) + names + [UInt8(ascii: "}")], in: request.node)
            : Splice.replacing(asked, with: names, in: request.node)
        return read(text) ?? request
    }

    /// The acknowledgement of a listen for `tasks`, JSON text of their names.
    package static func acknowledged(_ tasks: [[UInt8]], listen id: JSONRPCID) -> [UInt8] {
        ModernMessage.acknowledged(ListenFilter(), listen: id, tasks: list(tasks))
    }

    /// A notification of a listen that names tasks, with the client's names for them, which are JSON text by the server's;
    /// nil for a task that the client did not ask about.
    package static func renamed(_ notification: JSONRPCMessage, _ names: [[UInt8]: [UInt8]]) -> JSONRPCMessage? {
        if let own = notification.params?["taskId"], notification.isMethod("notifications/tasks") {
            guard let name = own.stringBytes.flatMap({ names[$0] }) else { return nil }
            return read(Splice.replacing(own, with: name, in: notification.node))
        }
        guard let kept = notification.params?["notifications"]?["taskIds"], kept.isArray else { return notification }
        let known = kept.elements.compactMap { $0.stringBytes.flatMap { names[$0] } }
        return read(Splice.replacing(kept, with: list(known), in: notification.node))
    }

    private static func read(_ text: [UInt8]) -> JSONRPCMessage? {
        guard let document = try? JSONDocument(parsing: text) else { return nil }
        return try? JSONRPCMessage(document.root)
    }

    private static func list(_ elements: [[UInt8]]) -> [UInt8] {
        var text: [UInt8] = [UInt8(ascii: "[")]
        for (position, element) in elements.enumerated() {
            if position > 0 { text.append(UInt8(ascii: ",")) }
            text += element
        }
        return text + [UInt8(ascii: "]")]
    }
}
