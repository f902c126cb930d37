/// The place of one suspended task: empty, or with the continuation that ``resume(returning:)`` takes out and resumes,
/// so that nobody is resumed twice.
///
/// Cheaper than a checked continuation, which allocates at each suspension. Confined to one loop; whoever destroys a
/// place resumes it before.
// Inlinable, like the rest of this file: it is on the path of every call, and its users specialise it. Public for the same
// reason: what is `package` the compiler does not specialise in another module.
@safe public struct Waiter<Value: Sendable>: Sendable {
    @usableFromInline var continuation: UnsafeContinuation<Value, Never>?

    /// An empty place.
    @inlinable public init() {
        unsafe continuation = nil
    }

    /// Whether somebody waits.
    @inlinable public var isWaiting: Bool { unsafe continuation != nil }

    /// Ends the waiting, if there is any.
    @inlinable public mutating func resume(returning value: Value) {
        guard let waiting = unsafe continuation else { return }
        unsafe continuation = nil
        unsafe waiting.resume(returning: value)
    }

    /// Takes the place of the caller that ``suspend(isolation:_:onCancel:)`` suspends. At most one at a time.
    @inlinable mutating func hold(_ waiting: UnsafeContinuation<Value, Never>) {
        precondition(!isWaiting, "one task waits in one place")
        unsafe continuation = unsafe waiting
    }
}

extension Waiter {
    /// Suspends the caller in a place of its actor until the place is resumed; `onCancel` is called, from any thread,
    /// when the task is cancelled meanwhile.
    ///
    /// `ready` is asked in the same act in which the place is taken, and its answer is given at once. What the caller
    /// looked at before may have changed: the way here can change executors, when the caller's task prefers another
    /// loop than its actor's, and everything may happen meanwhile.
    @inlinable public static func wait(
        isolation: isolated (any Actor)? = #isolation, unless ready: () -> Value? = { nil },
        in place: ((inout Waiter<Value>) -> Void) -> Void, onCancel: @Sendable () -> Void
    ) async -> Value {
        await unsafe suspend { continuation in
            if let value = ready() {
                unsafe continuation.resume(returning: value)
            } else {
                place { unsafe $0.hold(continuation) }
            }
        } onCancel: {
            onCancel()
        }
    }
    /// The same where nobody cancels: whoever waits so learns in another way that it is no longer waited for.
    @inlinable public static func waitUncancelled(
        isolation: isolated (any Actor)? = #isolation, unless ready: () -> Value?,
        in place: ((inout Waiter<Value>) -> Void) -> Void
    ) async -> Value {
        await unsafe withUnsafeContinuation(isolation: isolation) { continuation in
            if let value = ready() {
                unsafe continuation.resume(returning: value)
            } else {
                place { unsafe $0.hold(continuation) }
            }
        }
    }
}
