import AsyncIO
import JSON
import MCP
import OAuth
import Synchronization

/// What came of asking a server for its protocol, in a session of the gateway's own that has ended when this is there.
package struct ServerProbe: Sendable, Equatable {
    package let server: String
    /// The revision that it agreed on; nil where it did not answer.
    package let version: String?
    /// Why not: a word of a closed set; nil where it did.
    package let reason: String?
    package let duration: Duration

    /// Words that are not those of the end of a session.
    enum Word: String {
        case unknown
        /// Another probe of it runs.
        case busy
        /// A start failed a moment ago.
        case backingOff = "backing_off"
        case noRoom = "no_room"
        case stopping
        case cannotStart = "cannot_start"
        /// It answered with an error.
        case refused
    }
}

extension Gateway {
    /// Begins a session with `server`, lets it answer `initialize`, ends the session and stops its process. What users may do and
    /// have is not touched: it takes nobody's place.
    package func probe(_ server: String) async -> ServerProbe {
        let branch = branches.prefix(configuration.servers.count).first {
            $0.supervisor.server.name.utf8.elementsEqual(server.utf8)
        }
        guard let branch else {
            return ServerProbe(server: server, version: nil, reason: ServerProbe.Word.unknown.rawValue, duration: .zero)
        }
        return await branch.supervisor.probe()
    }
}

extension ServerSupervisor {
    private static let question = #"""
        {"jsonrpc":"2.0","id":"probe","method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},\#
        "clientInfo":{"name":"sallyport-health","version":"1"}}}
        """#

    fileprivate func probe() async -> ServerProbe {
        let began = EventLoop.preciseNow
        func result(_ version: String?, _ reason: String?) -> ServerProbe {
            ServerProbe(
                server: server.name, version: version, reason: reason, duration: EventLoop.preciseNow - began)
        }
        guard !isProbed.exchange(true, ordering: .acquiring) else { return result(nil, ServerProbe.Word.busy.rawValue) }
        defer { isProbed.store(false, ordering: .releasing) }
        // A literal of ours.
        guard let document = try? JSONDocument(parsing: Array(Self.question.utf8)),
            let initialize = try? JSONRPCMessage(document.root)
        else { return result(nil, nil) }
        let wasUsed = upstream.isUsed(for: .anonymous)
        let answer: (version: String?, reason: String?)
        do throws(SpawnRefusal) {
            answer = try await ask(initialize)
        } catch {
            answer = (nil, error.word.rawValue)
        }
        if !wasUsed { await upstream.endUnused(for: .anonymous) }
        return result(answer.version, answer.reason)
    }

    private func ask(_ initialize: JSONRPCMessage) async throws(SpawnRefusal) -> (version: String?, reason: String?) {
        guard let session = try await open(for: .anonymous, client: .streamableHTTP, request: nil, isOurs: true) else {
            return (nil, ServerProbe.Word.cannotStart.rawValue)
        }
        let outcome = await session.accept(initialize, for: .anonymous, record: nil)
        // How it ended before it is ended here.
        let end = await session.end
        let version = await session.version?.rawValue
        let (begun, _) = await settle(session, outcome)
        await session.finish(.deleted)
        await session.vanished()
        if begun != nil { return (version ?? "", nil) }
        return (nil, end?.label ?? ServerProbe.Word.refused.rawValue)
    }
}

extension SpawnRefusal {
    fileprivate var word: ServerProbe.Word {
        switch self {
        case .userLimit, .capacity: .noRoom
        case .backingOff: .backingOff
        case .draining: .stopping
        case .forbidden: .refused
        }
    }
}
