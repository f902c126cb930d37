import CLibUV
import Glibc
import Synchronization

/// A launcher that stands ready and is copied for each child, which saves loading the program and its libraries.
///
/// The copies are children of the gateway, as if it had started them. Without a template, and when the template fails,
/// launchers are started from the beginning.
package enum LauncherTemplate {
    private struct State: ~Copyable {
        var isWanted = false
        /// Nil while there is none.
        var running: Running?
    }

    private struct Running: ~Copyable {
        let process: Int32
        let socket: FileDescriptor
    }

    // Held while a copy is made, so that answers meet their questions.
    private static let state = Mutex(State())

    /// How long a copy may take, in milliseconds, before the template is given up: somebody may have stopped it.
    private static let patience: Int32 = 1000

    /// From now on launchers are copies. For a process that lives long; blocking.
    package static func prepare() {
        state.withLock { state in
            state.isWanted = true
            start(&state)
        }
    }

    /// The number of its process, which is a child of ours and no orphan.
    package static var process: Int32? { state.withLock { $0.running?.process } }

    /// A launcher with `descriptors` as 0, 1, 2, …; nil where it has to be started from the beginning. Blocking.
    static func launch(_ descriptors: [Int32], label: String) -> Int32? {
        state.withLock { state in
            // One that was given up is replaced.
            start(&state)
            guard let running = state.running.take() else { return nil }
            guard let launcher = copy(running, descriptors, label) else {
                end(running)
                return nil
            }
            state.running = consume running
            return launcher
        }
    }

    private static func copy(_ running: borrowing Running, _ descriptors: [Int32], _ label: String) -> Int32? {
        let socket = running.socket.rawValue
        // A datagram of no bytes would be the end.
        let text = [0] + Array(label.utf8.prefix(Launcher.labelRoom))
        guard unsafe sp_send_descriptors(socket, text, text.count, descriptors, Int32(descriptors.count)) == 0 else {
            return nil
        }
        var launcher: Int32 = 0
        let size = MemoryLayout<Int32>.size
        var count: Int
        repeat { count = unsafe recv(socket, &launcher, size, 0) } while count < 0 && errno == EINTR
        return count == size && launcher > 0 ? launcher : nil
    }

    private static func start(_ state: inout State) {
        guard state.isWanted, state.running == nil else { return }
        guard let pair = try? FileDescriptor.Pair.sockets(ofDatagrams: true) else { return }
        let null = unsafe sp_open("/dev/null", O_RDWR, 0)
        guard null >= 0 else { return }
        let nowhere = FileDescriptor(owning: null)
        // Above the numbers that they become.
        guard let nowhere = try? nowhere.duplicate(lowest: 10), let end = try? pair.second.duplicate(lowest: 10),
            let process = try? Launcher.start(
                [nowhere.rawValue, nowhere.rawValue, nowhere.rawValue, end.rawValue],
                arguments: [Launcher.templateCommand, String(repeating: " ", count: Launcher.labelRoom)])
        else { return }
        let socket = pair.takeFirst()
        sp_set_receive_limit(socket, patience)
        state.running = Running(process: process, socket: FileDescriptor(owning: socket))
    }

    private static func end(_ running: consuming Running) {
        // Nothing that it copied depends on it.
        kill(running.process, SIGKILL)
        _ = waitpid(running.process, nil, 0)
    }
}
