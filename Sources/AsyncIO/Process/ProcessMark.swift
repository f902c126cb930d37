import Glibc

/// What a gateway leaves in names of things that must not outlive it: folders, control groups, variables of children.
struct ProcessMark: Hashable {
    /// The number of the gateway.
    let process: Int32
    /// Its beginning, which with the number names it for good.
    let beginning: String
    /// The world in which the number means it.
    let namespace: UInt64

    /// Our own; nil where /proc cannot be read.
    static let own: ProcessMark? = {
        guard let beginning = ProcFS.beginning(of: getpid()), let namespace = ownNamespace else { return nil }
        return ProcessMark(process: getpid(), beginning: beginning, namespace: namespace)
    }()

    init(process: Int32, beginning: String, namespace: UInt64) {
        self.process = process
        self.beginning = beginning
        self.namespace = namespace
    }

    /// The mark at the beginning of a name, behind its prefix: `NAMESPACE.NUMBER.BEGINNING.…`.
    init?(in name: String, prefix: String) {
        guard name.hasPrefix(prefix) else { return nil }
        let parts = name.dropFirst(prefix.count).split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count >= 4, let namespace = UInt64(parts[0]), let process = Int32(parts[1]), process > 0 else {
            return nil
        }
        self.init(process: process, beginning: String(parts[2]), namespace: namespace)
    }

    var text: String { "\(namespace).\(process).\(beginning)." }

    /// Whether its gateway is known to have ended: never of one in another container.
    var isAbandoned: Bool { namespace == Self.ownNamespace && ProcFS.beginning(of: process) != beginning }

    private static let ownNamespace: UInt64? = {
        var status = stat()
        return unsafe stat("/proc/self/ns/pid", &status) == 0 ? UInt64(status.st_ino) : nil
    }()
}
