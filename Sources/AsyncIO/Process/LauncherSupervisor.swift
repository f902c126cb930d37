import CLibUV
import Glibc

/// The launcher after the start: one thread that waits for the gateway, for its descendants and for time.
struct LauncherSupervisor {
    /// How long descendants may outlive the program by themselves.
    private static let leaderlessGrace: UInt64 = 500_000_000
    /// How long killed processes may take to vanish before the launcher gives up on them.
    private static let killingLimit: UInt64 = 5_000_000_000

    private let program: StartedProgram
    private let control: Int32
    private let signals: Int32
    private let temporary: PrivateFolder?
    private let group: ControlGroup?
    private var status: Int32
    private var failure: LauncherMessage?
    private var hasProgramEnded = false
    /// From when on everything is killed; nil while nobody wants that.
    private var killingFrom: UInt64?

    init(_ program: StartedProgram, control: Int32, signals: Int32, temporary: PrivateFolder?, group: ControlGroup?) {
        self.program = program
        self.control = control
        self.signals = signals
        self.temporary = temporary
        self.group = group
        status = program.status
    }

    mutating func run() -> Never {
        leaveStandardStreams()
        // The program runs as the same user: it must not talk its supervisor out of its duty.
        sp_refuse_tracing()
        while true {
            let ready = wait()
            if ready.status { readStatus() }
            if ready.control { readControl() }
            if ready.signals { readSignals() }
            if !reap() {
                group?.remove()
                temporary?.remove()
                _exit(0)
            }
            if let killingFrom, uv_hrtime() >= killingFrom {
                killTree()
                if uv_hrtime() >= killingFrom + Self.killingLimit { _exit(1) }
            }
        }
    }

    /// The pipes belong to the program alone: the gateway must see their end when the program closes them.
    private func leaveStandardStreams() {
        let null = unsafe sp_open("/dev/null", O_RDWR, 0)
        for descriptor: Int32 in 0...2 {
            if null >= 0 { dup2(null, descriptor) } else { _ = Glibc.close(descriptor) }
        }
        if null > 2 { _ = Glibc.close(null) }
    }

    private func wait() -> (status: Bool, control: Bool, signals: Bool) {
        var entries = [
            pollfd(fd: status, events: Int16(POLLIN), revents: 0),
            pollfd(fd: control, events: Int16(POLLIN), revents: 0),
            pollfd(fd: signals, events: Int16(POLLIN), revents: 0),
        ]
        let timeout: Int32
        if let killingFrom {
            let now = uv_hrtime()
            timeout = now >= killingFrom ? 5 : Int32(clamping: (killingFrom - now) / 1_000_000 + 1)
        } else {
            timeout = -1
        }
        let count = unsafe entries.withUnsafeMutableBufferPointer {
            unsafe poll($0.baseAddress, nfds_t($0.count), timeout)
        }
        if count <= 0 { return (false, false, false) }
        return (entries[0].revents != 0, entries[1].revents != 0, entries[2].revents != 0)
    }

    // MARK: Events

    private mutating func readStatus() {
        var report: [UInt8] = [0, 0, 0, 0, 0]
        let count = unsafe report.withUnsafeMutableBytes { unsafe read(status, $0.baseAddress, $0.count) }
        _ = Glibc.close(status)
        status = -1
        if count == 5, let step = LauncherMessage.Step(rawValue: report[0]) {
            let code = (0..<4).reduce(UInt32(0)) { $0 | UInt32(report[1 + $1]) << (8 * UInt32($1)) }
            failure = .failed(step: step, code: Int32(bitPattern: code))
        } else {
            Launcher.send(.started(pid: program.pid), to: control)
        }
    }

    private mutating func readControl() {
        var command: UInt8 = 0
        let count = unsafe read(control, &command, 1)
        if count == 1, command == LauncherMessage.terminate {
            // The leader is not reaped yet, so its number still means this group.
            if !hasProgramEnded { kill(-program.pid, SIGTERM) }
        } else if count >= 0 || (errno != EINTR && errno != EAGAIN) {
            killNow()
        }
    }

    private mutating func readSignals() {
        var buffer = [UInt8](repeating: 0, count: MemoryLayout<signalfd_siginfo>.size)
        while unsafe buffer.withUnsafeMutableBytes({ unsafe read(signals, $0.baseAddress, $0.count) }) == buffer.count {
            let number = unsafe buffer.withUnsafeBytes { unsafe $0.loadUnaligned(as: UInt32.self) }
            if Int32(number) != SIGCHLD { killNow() }
        }
    }

    private mutating func killNow() {
        if killingFrom == nil || killingFrom ?? 0 > uv_hrtime() { killingFrom = uv_hrtime() }
    }

    // MARK: Descendants

    /// Collects what has ended; false when there is nobody left.
    private mutating func reap() -> Bool {
        while true {
            var code: Int32 = 0
            let pid = unsafe waitpid(-1, &code, WNOHANG)
            if pid == 0 { return true }
            if pid < 0 {
                if errno == EINTR { continue }
                return false
            }
            if pid == program.pid { programEnded(code) }
        }
    }

    private mutating func programEnded(_ status: Int32) {
        hasProgramEnded = true
        if self.status >= 0 { readStatus() }
        var code: Int32 = 0
        if let failure {
            Launcher.send(failure, to: control)
        } else if unsafe sp_exited(status, &code) != 0 {
            Launcher.send(.exited(code: code), to: control)
        } else {
            Launcher.send(.killed(signal: sp_term_signal(status)), to: control)
        }
        if killingFrom == nil { killingFrom = uv_hrtime() + Self.leaderlessGrace }
    }

    /// Kills the group and all direct children. The children of those become ours then and are met in the next round,
    /// which their SIGCHLD starts at once; so the tree falls level by level, and no number is ever a stranger's,
    /// because nobody else reaps our children.
    private func killTree() {
        group?.kill()
        if !hasProgramEnded { kill(-program.pid, SIGKILL) }
        for child in ProcFS.ownChildren() { kill(child, SIGKILL) }
    }
}
