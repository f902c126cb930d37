import Glibc

/// What a parent process may have left behind in the handling of signals.
enum InheritedSignals {
    /// Lets every signal through that the parent had blocked: otherwise SIGTERM would never arrive. Call it before the
    /// first thread starts; threads inherit the mask.
    static func reset() {
        var none = sigset_t()
        unsafe sigemptyset(&none)
        unsafe pthread_sigmask(SIG_SETMASK, &none, nil)
    }
}
