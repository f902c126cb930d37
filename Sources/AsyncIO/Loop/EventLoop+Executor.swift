extension EventLoop: SerialExecutor, TaskExecutor {
    /// A job of an actor that lives on this loop.
    package func enqueue(_ job: consuming ExecutorJob) {
        add(UnownedJob(job), isPreferred: false)
    }

    /// The same in the form that the runtime calls; without it the job would take the way of an actor's.
    @_implements(TaskExecutor,enqueue(_:))
    package func enqueuePreferred(_ job: UnownedJob) {
        add(job, isPreferred: true)
    }

    /// A job of a task that prefers this loop (`Task(executorPreference: loop)`).
    @_implements(TaskExecutor,enqueue(_:))
    package func enqueuePreferred(_ job: consuming ExecutorJob) {
        add(UnownedJob(job), isPreferred: true)
    }

    package func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        unsafe UnownedSerialExecutor(ordinary: self)
    }

    package func asUnownedTaskExecutor() -> UnownedTaskExecutor {
        unsafe UnownedTaskExecutor(ordinary: self)
    }

    package func checkIsolated() {
        precondition(inEventLoop, "not on the event loop")
    }

    package func isIsolatingCurrentContext() -> Bool? {
        inEventLoop
    }
}
