import TestSupport
import Testing

@testable import AsyncIO

/// What bounds the memory of a process, in both versions of control groups.
@Suite struct MemoryBoundTests {
    /// A hierarchy of files in place of the kernel's.
    private func group(_ folder: TemporaryDirectory, _ path: String, _ files: [String: String]) throws {
        try folder.makeFolder(path)
        for (name, text) in files { try folder.write("\(path)/\(name)", text + "\n") }
    }

    @Test("F19: the narrowest bound of a group and those around it counts, without what the kernel can take back")
    func unified() throws {
        let folder = try TemporaryDirectory("groups")
        try group(
            folder, "a", ["cgroup.procs": "", "memory.max": "1000", "memory.current": "700", "memory.stat": "x 1"])
        try group(
            folder, "a/b",
            [
                "cgroup.procs": "1", "memory.max": "max", "memory.current": "650",
                "memory.stat": "anon 3\ninactive_file 100\nactive_file 50\nfile 400",
            ])
        let mounts = "30 24 0:26 / \(folder.path) rw,nosuid - cgroup2 cgroup rw\n"
        #expect(MemoryBound.find(mounts: mounts, groups: "0::/c\n") == nil)
        let bound = try #require(MemoryBound.find(mounts: mounts, groups: "0::/a/b\n"))
        #expect(bound.limit == 1000)
        #expect(abs(bound.usedShare() - 0.7) < 0.001)
        try folder.write("a/b/memory.max", "660\n")
        let narrower = try #require(MemoryBound.find(mounts: mounts, groups: "0::/a/b\n"))
        #expect(narrower.limit == 660)
        #expect(abs(narrower.usedShare() - 500.0 / 660) < 0.001)
    }

    @Test("F19: a group of version 1 says that it has no bound by a number beyond all memory")
    func versionOne() throws {
        let folder = try TemporaryDirectory("groups")
        let none = ["cgroup.procs": "", "memory.limit_in_bytes": "9223372036854771712", "memory.usage_in_bytes": "9"]
        try group(folder, "a", none)
        let mounts = "35 31 0:32 / \(folder.path) rw,relatime - cgroup cgroup rw,memory\n"
        #expect(MemoryBound.find(mounts: mounts, groups: "4:memory:/a\n") == nil)
        try folder.write("a/memory.limit_in_bytes", "1000\n")
        try folder.write("a/memory.usage_in_bytes", "900\n")
        try folder.write("a/memory.stat", "inactive_file 5\ntotal_inactive_file 200\ntotal_active_file 100\n")
        let bound = try #require(MemoryBound.find(mounts: mounts, groups: "4:memory:/a\n"))
        #expect(bound.limit == 1000)
        #expect(abs(bound.usedShare() - 0.6) < 0.001)
    }
}
