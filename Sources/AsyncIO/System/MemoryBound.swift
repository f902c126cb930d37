import CLibUV

/// How much memory the control groups of this process allow it and everybody else in them; beyond it the kernel kills.
package struct MemoryBound: Sendable {
    /// One group with a bound: ours, or one around it.
    struct Group: Hashable, Sendable {
        let folder: String
        let isUnified: Bool
        let limit: Int
    }

    /// A bound as large as this is none: version 1 says so where nothing bounds.
    private static let unbounded = 1 << 50

    let groups: [Group]

    /// The narrowest bound, in bytes.
    package var limit: Int { groups.map(\.limit).min() ?? .max }

    /// What bounds this process; nil when nothing does. Blocking; reads no disk.
    package static func find() -> MemoryBound? {
        guard let mounts = try? FileSystem.readFile("/proc/self/mountinfo"),
            let groups = try? FileSystem.readFile("/proc/self/cgroup")
        else { return nil }
        return find(mounts: String(decoding: mounts, as: UTF8.self), groups: String(decoding: groups, as: UTF8.self))
    }

    static func find(mounts: String, groups: String) -> MemoryBound? {
        let found = ControlGroupPlace.all(mounts: mounts, groups: groups)
            .filter { $0.isUnified || $0.controllers.contains(.memory) }
            .flatMap { place in bounds(from: place.folder, isUnified: place.isUnified) }
        return found.isEmpty ? nil : MemoryBound(groups: found)
    }

    /// The bounds of a group and of those around it, up to the first folder that is none.
    private static func bounds(from folder: String, isUnified: Bool) -> [Group] {
        var (folder, found): (Substring, [Group]) = (folder[...], [])
        while !folder.isEmpty {
            guard exists("\(folder)/cgroup.procs") else { break }
            // "max", or a number beyond all memory: no bound.
            let file = isUnified ? "memory.max" : "memory.limit_in_bytes"
            if let limit = number("\(folder)/\(file)"), limit > 0, limit < unbounded {
                found.append(Group(folder: String(folder), isUnified: isUnified, limit: limit))
            }
            folder = folder[..<(folder.lastIndex(of: "/") ?? folder.startIndex)]
        }
        return found
    }

    /// The part of the narrowest bound that is used, from 0 to 1. What the kernel can take back at any time, pages of files,
    /// is not counted. Some microseconds; more when much is used.
    package func usedShare() -> Double {
        groups.map { group in
            let used =
                Self.number("\(group.folder)/\(group.isUnified ? "memory.current" : "memory.usage_in_bytes")") ?? 0
            // The kernel adds up the statistics for whoever asks: only when it may matter.
            let reclaimable = Double(used) < 0.7 * Double(group.limit) ? 0 : Self.reclaimable(group)
            return Double(used - reclaimable) / Double(group.limit)
        }.max() ?? 0
    }

    /// Gives what the allocator holds and nobody uses back to the system; blocking, for some milliseconds.
    package static func trim() { sp_trim_memory() }

    private static func reclaimable(_ group: Group) -> Int {
        guard let bytes = try? FileSystem.readFile("\(group.folder)/memory.stat") else { return 0 }
        let names =
            group.isUnified ? ["inactive_file", "active_file"] : ["total_inactive_file", "total_active_file"]
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").reduce(0) { sum, line in
            let words = line.split(separator: " ")
            guard words.count == 2, names.contains(String(words[0])) else { return sum }
            return sum + (Int(words[1]) ?? 0)
        }
    }

    private static func number(_ path: String) -> Int? {
        guard let bytes = try? FileSystem.readFile(path, maximum: 64) else { return nil }
        return Int(String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self))
    }

    private static func exists(_ path: String) -> Bool {
        (try? FileSystem.readFile(path)) != nil
    }
}
