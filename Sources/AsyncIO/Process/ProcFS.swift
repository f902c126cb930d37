import Glibc

/// What /proc says about processes: children, parents, beginnings.
enum ProcFS {
    /// The children of this process, zombies included.
    static func ownChildren() -> [Int32] {
        let threads = (try? FileSystem.list("/proc/self/task")) ?? []
        var children: [Int32] = []
        for thread in threads {
            // Absent in kernels without CONFIG_PROC_CHILDREN; a thread that just ended has none either.
            guard let bytes = try? FileSystem.readFile("/proc/self/task/\(thread)/children") else {
                return childrenByScan()
            }
            children += bytes.split(separator: UInt8(ascii: " ")).compactMap { number($0) }
        }
        return children
    }

    private static func childrenByScan() -> [Int32] {
        let me = String(getpid())
        return processes().filter { field(2, of: $0) == me }
    }

    /// Every process that can be seen.
    static func processes() -> [Int32] {
        ((try? FileSystem.list("/proc")) ?? []).compactMap { Int32($0) }
    }

    /// When a process began, in ticks since the machine did: with its number that names it for good.
    static func beginning(of pid: Int32) -> String? { field(20, of: pid) }

    /// The field of /proc/PID/stat that comes `index` places behind the name; the state is number 1.
    private static func field(_ index: Int, of pid: Int32) -> String? {
        // A process that is gone has no fields. The name ends with the last parenthesis, whatever is in it.
        guard let stat = try? FileSystem.readFile("/proc/\(pid)/stat"),
            let end = stat.lastIndex(of: UInt8(ascii: ")"))
        else { return nil }
        let fields = stat[(end + 1)...].split(separator: UInt8(ascii: " "))
        return fields.count >= index ? String(decoding: fields[index - 1], as: UTF8.self) : nil
    }

    static func number(_ digits: ArraySlice<UInt8>) -> Int32? {
        IPAddress.parseDecimal(digits, maximum: Int(Int32.max)).map { Int32($0) }
    }
}
