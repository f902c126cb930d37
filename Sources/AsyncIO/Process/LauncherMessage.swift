/// What passes between the gateway and a launcher, over their socket pair.
enum LauncherMessage: Equatable {
    /// The program runs.
    case started(pid: Int32)
    /// A step before or of `execve` failed.
    case failed(step: Step, code: Int32)
    case exited(code: Int32)
    case killed(signal: Int32)

    enum Step: UInt8, CustomStringConvertible {
        case specification = 1
        case fork, folder, limits, privileges, execute, user, landlock, filter, temporary, group

        var description: String {
            switch self {
            case .specification: "reading the launch specification"
            case .fork: "starting a process"
            case .folder: "changing to the working directory"
            case .limits: "setting resource limits"
            case .privileges: "giving up privileges"
            case .execute: "executing"
            case .user: "changing to the user of the server"
            case .landlock: "confining the server by Landlock"
            case .filter: "filtering the system calls of the server"
            case .group: "making a control group"
            case .temporary: "making a folder for temporary files"
            }
        }
    }

    /// All messages have one size.
    static let size = 6

    var bytes: [UInt8] {
        let (kind, detail, value): (UInt8, UInt8, Int32) =
            switch self {
            case .started(let pid): (UInt8(ascii: "s"), 0, pid)
            case .failed(let step, let code): (UInt8(ascii: "f"), step.rawValue, code)
            case .exited(let code): (UInt8(ascii: "x"), 0, code)
            case .killed(let signal): (UInt8(ascii: "k"), 0, signal)
            }
        let bits = UInt32(bitPattern: value)
        return [kind, detail] + (0..<4).map { UInt8(truncatingIfNeeded: bits >> (8 * $0)) }
    }

    init?(_ bytes: some Collection<UInt8>) {
        let bytes = Array(bytes)
        guard bytes.count == Self.size else { return nil }
        let value = Int32(bitPattern: (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[2 + $1]) << (8 * UInt32($1)) })
        switch bytes[0] {
        case UInt8(ascii: "s"): self = .started(pid: value)
        case UInt8(ascii: "x"): self = .exited(code: value)
        case UInt8(ascii: "k"): self = .killed(signal: value)
        case UInt8(ascii: "f"):
            guard let step = Step(rawValue: bytes[1]) else { return nil }
            self = .failed(step: step, code: value)
        default: return nil
        }
    }

    /// Asks the launcher to send SIGTERM to the group.
    static let terminate = UInt8(ascii: "T")
    /// Asks it to kill the whole tree; so does the end of the connection.
    static let kill = UInt8(ascii: "K")
}
