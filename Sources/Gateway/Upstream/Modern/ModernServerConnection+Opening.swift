import AsyncIO
import JSON
import MCP

// How it turns out which era the server speaks (d3, decision 0081).
extension ModernServerConnection {
    /// How long `server/discover` may take at most; a server that says nothing to it may still want a handshake.
    private static let discoveryLimit = Duration.seconds(5)
    /// How long a program that is perhaps of the old era may think about it before it hears the handshake as well: what it
    /// answers to the question after that still counts, and comes first, because the question did.
    private static let guessLimit = Duration.seconds(1)

    /// The session speaks, and the server's era is not known yet.
    func open(_ message: JSONRPCMessage, _ line: [UInt8]) throws(IOError) -> Bool {
        guard case .silent = phase, message.isMethod("initialize"), let id = message.exactID else {
            return try wait(message, line)
        }
        let now = EventLoop.preciseNow
        let introduction = Introduction(
            line: line, id: id, client: LegacyClient(message), deadline: now, began: now)
        guard opening == .discovery else {
            phase = .introducing(introduction)
            return try inner.enqueue(line)
        }
        return try discover(introduction)
    }

    private var opening: EraMemory.Opening { memory.opening(for: clientEra, at: EventLoop.preciseNow) }
    /// Whether the server is asked for the modern era because the client is of it, and not because it is known to have it.
    private var isGuess: Bool { memory.opening(at: EventLoop.preciseNow) == .handshake }

    /// Before the handshake a client may ask for little (c50).
    private func wait(_ message: JSONRPCMessage, _ line: [UInt8]) throws(IOError) -> Bool {
        if case .introducing = phase { return try inner.enqueue(line) }
        if case .silent = phase, opening == .handshake { return try inner.enqueue(line) }
        guard message.kind == .request, let id = message.exactID else { return false }
        if message.isMethod("ping") {
            emit(JSONRPCText.response(to: id, result: Array("{}".utf8)))
        } else {
            emit(JSONRPCError(.invalidRequest, "The server has not been initialized").response(to: id))
        }
        return false
    }

    private func discover(_ given: Introduction) throws(IOError) -> Bool {
        var introduction = given
        let isGuess = isGuess && given.refusal == nil && server.remote == nil
        let limit = isGuess ? Self.guessLimit : Self.discoveryLimit
        introduction.deadline = EventLoop.preciseNow + min(limit, server.startTimeout / 2)
        lastNumber += 1
        introduction.discovery = lastNumber
        phase = .discovering(introduction)
        arm()
        return try inner.enqueue(ModernBoundMessage.discover(number: lastNumber, client: introduction.client))
    }

    /// The server says something, and its era is not known yet.
    func opened(_ message: JSONRPCMessage, _ line: [UInt8]) {
        guard message.kind == .response else { return emit(line) }
        switch phase {
        case .introducing(let introduction) where message.exactID == introduction.id:
            introduced(introduction, message, line)
        // Late in the second case: it was asked, it did not answer, it was asked the other way.
        case .discovering(let introduction), .introducing(let introduction):
            let number = message.id?.integer.flatMap { Int(exactly: $0) }
            guard let number, number == introduction.discovery else { return emit(line) }
            discovered(introduction, message)
        case .silent, .plain, .modern: emit(line)
        }
    }

    private func introduced(_ given: Introduction, _ message: JSONRPCMessage, _ line: [UInt8]) {
        guard message.node["error"] != nil else {
            memory.learned(.handshake)
            if given.wasSilent {
                memory.sufferedFromDiscovery()
            } else if given.discovery != nil {
                memory.foundLegacy(at: EventLoop.preciseNow)
            }
            phase = .plain
            return emit(line)
        }
        guard given.discovery == nil else {
            // It understands neither; this is what it has to say.
            phase = .silent
            return emit(line)
        }
        var introduction = given
        introduction.refusal = line
        // Where it does not take the line, its loss will be noticed.
        if (try? discover(introduction)) != nil { try? inner.flush() }
    }

    private func discovered(_ introduction: Introduction, _ message: JSONRPCMessage) {
        let discovery = message.node["result"].flatMap { Discovery($0) }
        let versions = discovery?.versions ?? message.node["error"].flatMap { Discovery.supportedVersions(in: $0) }
        guard let versions else { return undiscovered(introduction, message) }
        if let discovery, versions.contains(where: { Self.isServed($0) }) {
            if isGuess, introduction.refusal == nil { memory.foundModern() } else { memory.learned(.discovery) }
            let client = introduction.client
            phase = .modern(
                discovery.introduction.hasTasks ? client.followingTasks() : client, discovery.introduction)
            let result = discovery.handshake(for: introduction.client, name: server.name)
            return emit(JSONRPCText.response(to: introduction.id, result: result))
        }
        // It knows the question, and says that it is of the other era, too.
        let isLegacy = versions.contains { ProtocolVersion(bytes: $0.utf8)?.era == .legacy }
        if isLegacy, introduction.refusal == nil, server.era != .modern { return undiscovered(introduction, message) }
        phase = .silent
        let error = JSONRPCError(
            .internalError, "The server \"\(server.name)\" speaks no revision of MCP that is served here")
        emit(error.response(to: introduction.id))
    }

    private static func isServed(_ version: String) -> Bool {
        ProtocolVersion.modern.contains { $0.rawValue.utf8.elementsEqual(version.utf8) }
    }

    /// No modern server: an error, which number it has does not matter, or nothing in time.
    func undiscovered(_ introduction: Introduction, _ message: JSONRPCMessage?) {
        guard case .discovering = phase else { return }
        if let refusal = introduction.refusal {
            phase = .silent
            return emit(refusal)
        }
        if let error = message?.node["error"], error["code"]?.integer == JSONRPCError.Code.unreachable.value {
            // Nothing that is remembered: the next connection asks again (d4).
            phase = .silent
            let failure = JSONRPCError(.internalError, error["message"]?.string ?? "")
            return emit(failure.response(to: introduction.id))
        }
        if server.era == .modern {
            phase = .silent
            let what = message == nil ? "did not answer" : "does not know"
            let error = JSONRPCError(.internalError, "The server \"\(server.name)\" \(what) server/discover")
            return emit(error.response(to: introduction.id))
        }
        // It was known as modern and is not so any more, or that was a guess.
        if !isGuess { memory.contradicted() }
        var introduction = introduction
        introduction.wasSilent = message == nil
        phase = .introducing(introduction)
        if (try? inner.enqueue(introduction.line)) != nil { try? inner.flush() }
    }

    /// The connection is lost; whoever waits for its first answer gets what there was.
    func lostBeforeAnswer() {
        switch phase {
        case .introducing(let introduction):
            if introduction.discovery == nil { memory.unanswered(.handshake) }
        case .discovering(let introduction):
            if let refusal = introduction.refusal {
                emit(refusal)
            } else if isGuess {
                memory.sufferedFromDiscovery()
                diedOfQuestion = true
            } else {
                memory.unanswered(.discovery)
            }
        case .silent, .plain, .modern: break
        }
        phase = .silent
    }

    /// The session ends; a server that had all the time there is and said nothing was perhaps spoken to in the wrong way.
    func slowBeforeAnswer() {
        guard case .introducing(let introduction) = phase, introduction.discovery == nil,
            introduction.began + server.startTimeout <= EventLoop.preciseNow
        else { return }
        memory.unanswered(.handshake)
    }
}
