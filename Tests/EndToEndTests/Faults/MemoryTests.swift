import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd.Crowds {
    /// A control group of a test, with a bound on its memory.
    final class MemoryGroup {
        let folder: String
        private let isUnified: Bool

        /// Nil where no such group can be made.
        init?(bytes: Int) {
            let groups = (try? String(contentsOfFile: "/proc/self/cgroup", encoding: .utf8)) ?? ""
            let own = groups.split(separator: "\n").first { $0.contains(":memory:") }
            isUnified = own == nil
            let base =
                own.map { "/sys/fs/cgroup/memory" + ($0.split(separator: ":").last ?? "") } ?? "/sys/fs/cgroup"
            folder = "\(base)/sallyport-test-\(UUID().uuidString.prefix(8))"
            guard unsafe mkdir(folder, 0o755) == 0 else { return nil }
            let file = isUnified ? "memory.max" : "memory.limit_in_bytes"
            guard write("\(bytes)", to: file) else {
                _ = unsafe rmdir(folder)
                return nil
            }
            if isUnified { _ = write("0", to: "memory.swap.max") }
        }

        deinit { _ = unsafe rmdir(folder) }

        private func write(_ text: String, to file: String) -> Bool {
            guard let handle = FileHandle(forWritingAtPath: "\(folder)/\(file)") else { return false }
            return (try? handle.write(contentsOf: Data(text.utf8))) != nil
        }

        /// What becomes the program that follows it, in the group.
        var wrapper: [String] { ["/bin/sh", "-c", "echo $$ >\"$0/cgroup.procs\" && exec \"$@\"", folder] }

        /// Processes that the kernel has killed for lack of memory.
        var kills: Int? {
            let text = try? String(
                contentsOfFile: "\(folder)/\(isUnified ? "memory.events" : "memory.oom_control")", encoding: .utf8)
            return text?.split(separator: "\n").first { $0.hasPrefix("oom_kill ") }?.split(separator: " ").last
                .flatMap { Int($0) }
        }

        static let isPossible = MemoryGroup(bytes: 256 << 20) != nil
    }

    @Test(
        "F19: with 256 MiB a flood of large requests is refused in part, nothing is killed, and then all is as before",
        .enabled(if: MemoryGroup.isPossible, "no control group with a bound on memory can be made here"))
    func boundedMemory() async throws {
        let group = try #require(MemoryGroup(bytes: 256 << 20))
        let (gateway, issuer, tokens) = try await Self.gateway(100, wrapper: group.wrapper)
        #expect(try await gateway.metric("sallyport_memory_limit_bytes") == 256 << 20)
        let report = try await PythonClient.run(
            "flood.py", in: "current",
            [
                "port": gateway.port, "path": "/news/mcp", "tokens": tokens, "bytes": 3_900_000, "seconds": 6,
            ])
        #expect(group.kills == 0 && ProcessTable.isAlive(gateway.pid), "\(report)")
        let answers = try #require(report["answers"] as? [String: Int])
        #expect(Set(answers.keys).isSubset(of: ["200", "503"]), "\(report)")
        #expect(answers["200", default: 0] > 0 && answers["503", default: 0] > 0, "\(report)")
        let looks = try #require(report["looks"] as? [String: Int])
        // How often it can be asked is the flood's affair, which shares the machine and the client's interpreter.
        #expect(Set(looks.keys) == ["200"], "\(report)")
        #expect(report["after"] as? Int == 200, "\(report)")
        #expect(try #require(report["recovery"] as? Double) < 5, "\(report)")
        #expect(try await gateway.terminate() == .exited(0))
        withExtendedLifetime(issuer) {}
    }
}
