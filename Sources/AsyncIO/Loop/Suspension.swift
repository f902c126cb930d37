/// Suspends the task until the continuation that `start` receives is resumed; `onCancel` is called, from any thread,
/// when the task is cancelled meanwhile.
///
/// `start` runs in the caller's isolation, before anything else can happen there. The caller's isolation travels as a
/// parameter because the operation of `withTaskCancellationHandler` would otherwise leave the loop.
@inlinable func suspend<Value: Sendable>(
    isolation: isolated (any Actor)? = #isolation,
    _ start: (UnsafeContinuation<Value, Never>) -> Void,
    onCancel: @Sendable () -> Void
) async -> Value {
    await withTaskCancellationHandler(
        operation: {
            _ = isolation
            return await unsafe withUnsafeContinuation(isolation: isolation) { unsafe start($0) }
        }, onCancel: onCancel, isolation: isolation)
}
