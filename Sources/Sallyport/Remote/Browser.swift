import Glibc
import Synchronization
import Telemetry

/// Shows a page to the person: in `$BROWSER`, else by `xdg-open`; the address is always printed as well.
final class Browser: Sendable {
    /// Whether there is somebody to ask: a terminal, a browser that was named, or a client that runs us for a person.
    let hasPerson: Bool
    private let waiting = Atomic<Bool>(false)
    private let words: [String]?
    private let environment: [String]

    /// `isAllowed` false only prints.
    init(environment: [String: String], isAllowed: Bool, isAttended: Bool) {
        hasPerson = isAttended || Console.isTerminal || environment["BROWSER"]?.isEmpty == false
        self.environment = environment.map { "\($0.key)=\($0.value)" }
        guard isAllowed else {
            words = nil
            return
        }
        let named = environment["BROWSER"].flatMap { CommandWords.split($0) } ?? []
        words = named.isEmpty ? ["xdg-open", "%s"] : named
    }

    /// Whether a login waits for the person.
    var isAsking: Bool {
        get { waiting.load(ordering: .relaxed) }
        set { waiting.store(newValue, ordering: .relaxed) }
    }

    /// Prints the address and starts the browser; does not wait for it. A browser that cannot be started is no error: the
    /// person has the address.
    func open(_ address: String) {
        Console.complain("Log in with your browser:\n\n    \(address)\n")
        guard var words else { return }
        if words.contains(where: { $0.contains("%s") }) {
            words = words.map { $0.replacing("%s", with: address) }
        } else {
            words.append(address)
        }
        start(words)
    }

    /// No shell, nothing of ours on its standard streams: in `connect` those carry the protocol.
    private func start(_ words: [String]) {
        guard let program = words.first else { return }
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        for descriptor in Int32(0)...2 {
            unsafe posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0)
        }
        var arguments: [UnsafeMutablePointer<CChar>?] = unsafe words.map { unsafe strdup($0) } + [nil]
        defer { for index in unsafe arguments.indices { unsafe free(arguments[index]) } }
        var variables: [UnsafeMutablePointer<CChar>?] = unsafe environment.map { unsafe strdup($0) } + [nil]
        defer { for index in unsafe variables.indices { unsafe free(variables[index]) } }
        var pid: pid_t = 0
        guard unsafe posix_spawnp(&pid, program, &actions, nil, &arguments, &variables) == 0 else { return }
        let browser = pid
        // Some stay as long as their window: nobody else waits for that.
        Thread.start { while waitpid(browser, nil, 0) < 0, errno == EINTR {} }
    }
}
