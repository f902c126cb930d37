import CLibUV
import Glibc

/// The process between the gateway and a child: our own binary with a hidden command.
///
/// It gives the child a session, a clean environment and only descriptors 0–2, and stays as a tiny supervisor: it is
/// the reaper of everything that descends from the child, so also a process that left session and group by `setsid`
/// stays in its reach. When the gateway asks or dies (their socket pair ends), it kills the whole tree.
package enum Launcher {
    /// The hidden command.
    package static let command = "__launch"

    /// The binary that understands ``command``: ourselves. Tests, whose own binary does not, name the built product.
    // SAFETY: set at most once, before the first child is started.
    package nonisolated(unsafe) static var executable = "/proc/self/exe"

    /// Call it first thing in `main`: in a launcher it does not return, in every other process it costs nothing.
    package static func runIfRequested() {
        guard CommandLine.argc >= 2, let second = unsafe CommandLine.unsafeArgv[1],
            unsafe strcmp(second, command) == 0
        else { return }
        main(arguments: [])
    }

    /// The launcher's life. Descriptor 3 is the socket to the gateway, 4 the specification.
    package static func main(arguments: [String]) -> Never {
        unsafe sp_set_name("sallyport-launch")
        // A session of its own: the terminal's ^C reaches the gateway alone.
        setsid()
        let control = FileDescriptor(owning: 3)
        let file = FileDescriptor(owning: 4)
        sp_set_cloexec(3, 1)
        // An unreadable specification is answered like one of another version.
        let bytes: [UInt8]? = (try? file.readAll(maximum: 64 << 20)) ?? nil
        guard let bytes, let specification = LaunchSpecification(parsing: bytes) else {
            send(.failed(step: .specification, code: EINVAL), to: control.rawValue)
            _exit(1)
        }
        _ = file.release()
        let signals = sp_supervisor_signals()
        sp_become_subreaper()
        guard let start = StartedProgram.fork(specification) else {
            send(.failed(step: .fork, code: errno), to: control.rawValue)
            _exit(1)
        }
        var supervisor = LauncherSupervisor(start, control: control.release(), signals: signals)
        supervisor.run()
    }

    static func send(_ message: LauncherMessage, to control: Int32) {
        // The gateway is gone when this fails, which the supervisor learns from the same socket.
        let bytes = message.bytes
        _ = unsafe bytes.withUnsafeBytes { unsafe Glibc.send(control, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    }
}
