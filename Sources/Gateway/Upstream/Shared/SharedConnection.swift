import AsyncIO
import MCP
import OAuth
import Synchronization
import Telemetry

/// The part that one session has in a server that several sessions use.
final class SharedConnection: ServerConnection, @unchecked Sendable {
    // SAFETY: what changes is used on `loop` alone: by its session, and by what the server puts there with `execute`.

    /// Bytes that wait for a session whose reader is slow; the server is not held back for one of many, so beyond that the
    /// session ends (M10).
    private static let maximumHeld = 4 << 20
    /// Bytes of the session that may be on their way to the server's loop (M10).
    private static let maximumOutgoing = StdioTransport.maximumUnsent

    let loop: EventLoop
    /// Whose session it is.
    let user: UserID
    private let server: SharedServer
    private let number: Int
    private var outgoing: [[UInt8]] = []
    /// Which requests of clients are among them, by the session's numbers.
    private var announced: [(number: Int, request: RequestID)] = []
    private var outgoingBytes = 0
    /// Bytes that the server's loop has not taken yet.
    private let unsent = Atomic<Int>(0)
    private var take: (([LineFramer.Line]) -> Void)?
    private var lost: (@Sendable (ConnectionLoss) -> Void)?
    private var isHeld = false
    private var held: [LineFramer.Line] = []
    private var heldBytes = 0
    /// How the server ended, once it has.
    private var ending: SessionEnd?

    init(_ server: SharedServer, for user: UserID, on loop: EventLoop) {
        self.server = server
        self.user = user
        self.loop = loop
        number = server.nextNumber()
    }

    var details: LogMetadata { ["shared": .boolean(true)] }

    func enqueue(_ line: [UInt8]) throws(IOError) -> Bool {
        guard ending == nil else { throw .closed }
        guard waitingBytes + line.count <= Self.maximumOutgoing else { throw .overloaded }
        outgoing.append(line)
        outgoingBytes += line.count
        return outgoing.count == 1
    }

    var waitingBytes: Int { outgoingBytes + unsent.load(ordering: .relaxed) }

    func announce(_ number: Int, for request: RequestID) {
        guard ending == nil else { return }
        announced.append((number, request))
    }

    func flush() throws(IOError) {
        let (lines, requests, count) = (outgoing, announced, outgoingBytes)
        outgoing = []
        announced = []
        outgoingBytes = 0
        unsent.add(count, ordering: .relaxed)
        server.loop.run { [self] in
            unsent.subtract(count, ordering: .relaxed)
            server.assumeIsolated { $0.accept(lines, from: number, requests) }
        }
    }

    func listen(
        _ take: @escaping ([LineFramer.Line]) -> Void, lost: @escaping @Sendable (ConnectionLoss) -> Void
    ) {
        self.take = take
        self.lost = lost
        server.loop.run { [server, number] in
            server.assumeIsolated { $0.join(self, number) }
        }
    }

    var modernLeg: ModernLeg? { server.modernLeg.withLock { $0 } }

    func holdOutput(_ isHeld: Bool) {
        self.isHeld = isHeld
        guard !isHeld, !held.isEmpty else { return }
        let lines = held
        held = []
        heldBytes = 0
        // Not from within the session, which is what called.
        loop.execute { self.give(lines) }
    }

    func end(after loss: ConnectionLoss) async -> SessionEnd { ending ?? .closedOutput }

    func stop() async {
        take = nil
        lost = nil
        held = []
        await server.leave(number)
    }

    // MARK: From the server

    /// Hands lines of the server to the session; to be called on its loop, from outside of it.
    func give(_ lines: [LineFramer.Line]) {
        guard let take else { return }
        guard isHeld else { return take(lines) }
        for case .complete(let bytes) in lines { heldBytes += bytes.count }
        guard heldBytes <= Self.maximumHeld else { return end(.slowReader) }
        held += lines
    }

    /// Tells the session that the server has ended.
    func end(_ reason: SessionEnd) {
        guard ending == nil else { return }
        ending = reason
        lost?(.outputEnded)
    }
}
