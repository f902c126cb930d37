import Glibc

/// An account of this machine as which a program can run.
package struct SystemUser: Hashable, Sendable {
    package let name: String
    package let number: UInt32
    package let group: UInt32
    /// All its groups.
    package let groups: [UInt32]
    /// Its home folder, which need not exist.
    package let home: String

    package init(name: String, number: UInt32, group: UInt32, groups: [UInt32], home: String) {
        self.name = name
        self.number = number
        self.group = group
        self.groups = groups
        self.home = home
    }

    /// The account of this name; nil when there is none. Blocking: the name may be looked up over the network.
    package static func named(_ name: String) -> SystemUser? {
        var entry = unsafe passwd()
        var found: UnsafeMutablePointer<passwd>?
        // The texts of the entry lie in the buffer.
        return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64 << 10) { buffer in
            guard let start = buffer.baseAddress, unsafe getpwnam_r(name, &entry, start, buffer.count, &found) == 0,
                unsafe found != nil, let home = unsafe entry.pw_dir
            else { return nil }
            var groups = [gid_t](repeating: 0, count: 256)
            var count = Int32(groups.count)
            guard unsafe getgrouplist(name, entry.pw_gid, &groups, &count) >= 0 else { return nil }
            return unsafe SystemUser(
                name: name, number: entry.pw_uid, group: entry.pw_gid, groups: Array(groups.prefix(Int(count))),
                home: String(cString: home))
        }
    }

    /// Whether this process may become it.
    package var isWithinReach: Bool { geteuid() == 0 || geteuid() == number }
}

extension SystemUser {
    /// What the kernel knows of it.
    struct Numbers: Equatable {
        var user: UInt32
        var group: UInt32
        var groups: [UInt32]
    }

    var numbers: Numbers { Numbers(user: number, group: group, groups: groups) }
}
