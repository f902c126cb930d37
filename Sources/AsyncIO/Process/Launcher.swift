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
        guard let second = unsafe ProgramArguments.word(1) else { return }
        if unsafe strcmp(second, command) == 0 { main() }
        if unsafe strcmp(second, templateCommand) == 0 { runTemplate() }
    }

    /// The launcher's life. Descriptor 3 is the socket to the gateway, 4 the specification.
    package static func main() -> Never {
        unsafe sp_set_name("sallyport-launch")
        // A session of its own: the terminal's ^C reaches the gateway alone.
        setsid()
        let control = FileDescriptor(owning: 3)
        let file = FileDescriptor(owning: 4)
        sp_set_cloexec(3, 1)
        // An unreadable specification is answered like one of another version.
        let bytes: [UInt8]? = (try? file.readAll(maximum: 64 << 20)) ?? nil
        guard let bytes, var specification = LaunchSpecification(parsing: bytes) else {
            send(.failed(step: .specification, code: EINVAL), to: control.rawValue)
            _exit(1)
        }
        _ = file.release()
        let signals = sp_supervisor_signals()
        sp_become_subreaper()
        let temporary: PrivateFolder?
        do throws(IOError) {
            try specification.group?.make()
        } catch {
            send(.failed(step: .group, code: error.code), to: control.rawValue)
            _exit(1)
        }
        do throws(IOError) {
            temporary = try temporaryFolder(&specification)
        } catch {
            send(.failed(step: .temporary, code: error.code), to: control.rawValue)
            specification.group?.remove()
            _exit(1)
        }
        guard let start = StartedProgram.fork(specification, temporary: temporary) else {
            send(.failed(step: .fork, code: errno), to: control.rawValue)
            temporary?.remove()
            specification.group?.remove()
            _exit(1)
        }
        var supervisor = LauncherSupervisor(
            start, control: control.release(), signals: signals, temporary: temporary, group: specification.group)
        supervisor.run()
    }

    /// A confined program cannot use the folders that everybody uses: it gets one of its own, also to start and to live in
    /// where no other was given.
    private static func temporaryFolder(_ specification: inout LaunchSpecification) throws(IOError) -> PrivateFolder? {
        guard specification.sandbox != nil else { return nil }
        let folder = try PrivateFolder(
            below: specification.temporaryFolder, mark: specification.mark, owner: specification.user)
        if specification.workingDirectory == nil { specification.workingDirectory = folder.path }
        for name in ["HOME", "TMPDIR"]
        where !specification.environment.contains(where: { $0.utf8.starts(with: "\(name)=".utf8) }) {
            specification.environment.append("\(name)=\(folder.path)")
        }
        return folder
    }

    static func send(_ message: LauncherMessage, to control: Int32) {
        // The gateway is gone when this fails, which the supervisor learns from the same socket.
        let bytes = message.bytes
        _ = unsafe bytes.withUnsafeBytes { unsafe Glibc.send(control, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    }
}
