import AsyncIO
import MCP

/// Lines that a connection has for its session. The session may not hear an answer while it is still speaking, and what it
/// says when it hears one may be answered at once. Confined to the loop of the session.
final class LineOutbox {
    private let loop: EventLoop
    private var take: (([LineFramer.Line]) -> Void)?
    private var lines: [LineFramer.Line] = []
    private var isDelivering = false

    init(on loop: EventLoop) {
        self.loop = loop
    }

    var isEmpty: Bool { lines.isEmpty }

    /// Begins to hand lines to `take`.
    func open(_ take: @escaping ([LineFramer.Line]) -> Void) { self.take = take }

    /// Hands over nothing any more.
    func close() { take = nil }

    func append(_ line: LineFramer.Line) { lines.append(line) }

    /// Hands over `lines` as they are: nothing may wait before them.
    func pass(_ lines: [LineFramer.Line]) { take?(lines) }

    /// Hands over what there is when this turn of the loop ends: for what is answered while the session is speaking.
    func deliverSoon() {
        guard !lines.isEmpty, !isDelivering else { return }
        loop.atEndOfTurn { [weak self] in self?.deliver() }
    }

    /// Hands over what there is, and what comes of it.
    func deliver() {
        guard !isDelivering else { return }
        isDelivering = true
        defer { isDelivering = false }
        while !lines.isEmpty {
            let lines = lines
            self.lines = []
            take?(lines)
        }
    }
}
