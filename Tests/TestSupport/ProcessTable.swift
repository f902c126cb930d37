import Foundation

/// What /proc says about the processes of this machine.
package enum ProcessTable {
    /// One process, as /proc/PID/stat has it.
    package struct Entry: Sendable {
        package let pid: Int32
        package let parent: Int32
        package let state: Character
    }

    /// Every process that can be read now.
    package static func all() -> [Entry] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { Int32($0) }.compactMap(entry)
    }

    /// One process; nil when there is none of this number.
    package static func entry(_ pid: Int32) -> Entry? {
        guard let text = read("/proc/\(pid)/stat"), let close = text.lastIndex(of: ")") else { return nil }
        // The name may hold blanks and brackets: what counts begins after the last ")".
        let fields = text[text.index(after: close)...].split(separator: " ")
        guard fields.count > 1, let state = fields[0].first, let parent = Int32(fields[1]) else { return nil }
        return Entry(pid: pid, parent: parent, state: state)
    }

    /// All processes below `pid`, parents first; without the template of launchers, which every gateway has.
    package static func descendants(of pid: Int32) -> [Int32] {
        let children = Dictionary(grouping: all().filter { name($0.pid) != template }, by: \.parent)
        var found: [Int32] = []
        var open = [pid]
        while let next = open.popLast() {
            for child in children[next] ?? [] {
                found.append(child.pid)
                open.append(child.pid)
            }
        }
        return found
    }

    /// The template of launchers of a gateway.
    package static func launcherTemplate(of pid: Int32) -> Int32? {
        all().first { $0.parent == pid && name($0.pid) == template }?.pid
    }

    private static let template = "sallyport-spawn"

    private static func name(_ pid: Int32) -> String? {
        read("/proc/\(pid)/comm")?.trimmingCharacters(in: .newlines)
    }

    /// Whether the process runs; a zombie does not.
    package static func isAlive(_ pid: Int32) -> Bool { entry(pid).map { $0.state != "Z" } ?? false }

    /// The number of a process in the innermost namespace that it is in.
    package static func numberInside(_ pid: Int32) -> Int32? {
        let line = read("/proc/\(pid)/status")?.split(separator: "\n").first { $0.hasPrefix("NSpid:") }
        return line?.split(whereSeparator: \.isWhitespace).last.flatMap { Int32($0) }
    }

    /// Every process whose command line holds `text`.
    package static func matching(_ text: String) -> [Int32] {
        all().filter { commandLine($0.pid).contains(text) && $0.state != "Z" }.map(\.pid)
    }

    /// The command line, its words joined by blanks.
    package static func commandLine(_ pid: Int32) -> String {
        (read("/proc/\(pid)/cmdline") ?? "").replacingOccurrences(of: "\0", with: " ")
    }

    /// Resident memory in bytes.
    package static func residentBytes(_ pid: Int32) -> Int {
        let line = read("/proc/\(pid)/status")?.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        return (line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 1024
    }

    /// The number of open file descriptors.
    package static func openDescriptors(_ pid: Int32) -> Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd"))?.count ?? 0
    }

    private static func read(_ path: String) -> String? {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
    }
}
