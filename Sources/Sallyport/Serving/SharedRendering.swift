import AsyncIO
import Synchronization

/// A text that is costly to make, made once for all who ask for it in one turn of a loop: those whose requests lay there when
/// the loop looked at its sockets. What anybody gets so was made after its request came, and nothing is kept beyond the turn.
///
/// A `Mutex` because each loop has its own; it is never held while the text is made.
final class SharedRendering: Sendable {
    private let render: @Sendable () -> [UInt8]
    private let kept = Mutex<[ObjectIdentifier: [UInt8]]>([:])

    init(_ render: @escaping @Sendable () -> [UInt8]) {
        self.render = render
    }

    /// The text as it is in this turn. Off the loops it is made each time.
    var text: [UInt8] {
        guard let loop = EventLoop.current else { return render() }
        let key = ObjectIdentifier(loop)
        if let text = kept.withLock({ $0[key] }) { return text }
        let text = render()
        kept.withLock { $0[key] = text }
        loop.atEndOfTurn { self.kept.withLock { $0[key] = nil } }
        return text
    }
}
