import Synchronization

/// Holds the one answer that a login waits for, whoever comes first.
final class LoopbackInbox: Sendable {
    private struct State {
        var expected: String?
        var answer: LoopbackReceiver.Answer?
        var waiter: CheckedContinuation<LoopbackReceiver.Answer?, Never>?
        var isCancelled = false
    }

    private let state = Mutex(State())

    /// From here on an answer with `value` as its `state` is taken.
    func expect(_ value: String) {
        state.withLock { $0.expected = value }
    }

    /// Takes an answer; false when it is not the expected one, or a second one. Other pages of this browser may call the
    /// address as well: only the one that knows the state counts.
    func take(_ answer: LoopbackReceiver.Answer, state value: String) -> Bool {
        let (isExpected, waiter) = state.withLock { state in
            guard let expected = state.expected, expected.utf8.elementsEqual(value.utf8), state.answer == nil else {
                return (false, CheckedContinuation<LoopbackReceiver.Answer?, Never>?.none)
            }
            state.answer = answer
            return (true, state.waiter.take())
        }
        waiter?.resume(returning: answer)
        return isExpected
    }

    /// The answer, when it is there; nil when the task is cancelled. For one caller.
    func next() async -> LoopbackReceiver.Answer? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let (isOver, answer) = state.withLock { state in
                    guard state.answer == nil, !state.isCancelled else { return (true, state.answer) }
                    state.waiter = continuation
                    return (false, nil)
                }
                if isOver { continuation.resume(returning: answer) }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                state.isCancelled = true
                return state.waiter.take()
            }
            waiter?.resume(returning: nil)
        }
    }
}
