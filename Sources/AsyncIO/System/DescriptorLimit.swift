import CLibUV
import Glibc

/// How many descriptors the process may have, and how many of them are kept free.
///
/// The last ones are never given to peers: name resolution, the store and the log need some, and Swift's own thread
/// pool ends the process when it cannot open one.
package enum DescriptorLimit {
    /// Descriptors that connections and children may not use.
    package static let reserve: Int32 = 32

    /// The limits as they were when the process started.
    private static let initial: rlimit = {
        var limit = rlimit()
        guard unsafe getrlimit(sp_RLIMIT_NOFILE, &limit) == 0 else { return rlimit(rlim_cur: 1024, rlim_max: 1024) }
        return limit
    }()

    /// The limit in force, after ``raise()``.
    private static let current: Int32 = {
        var limit = initial
        limit.rlim_cur = min(limit.rlim_max, 1 << 20)
        let raised = unsafe limit.rlim_cur > initial.rlim_cur && setrlimit(sp_RLIMIT_NOFILE, &limit) == 0
        return Int32(clamping: raised ? limit.rlim_cur : initial.rlim_cur)
    }()

    /// Raises the soft limit to the hard one (at most a million); a server has more connections than the default of a
    /// login shell. Children get the old one back.
    package static func raise() {
        _ = current
    }

    /// How many this process may have.
    package static var inForce: Int32 { current }

    /// What children shall have: programs that use `select` break with more.
    static var ofChildren: UInt64 { UInt64(initial.rlim_cur) }

    /// Whether this new descriptor cuts into the reserve. The kernel gives the lowest free number, so a high one means
    /// that the others are taken.
    static func isInReserve(_ descriptor: Int32) -> Bool {
        descriptor >= current - reserve
    }
}
