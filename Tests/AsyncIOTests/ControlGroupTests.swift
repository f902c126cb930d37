import Foundation
import TestSupport
import Testing

@testable import AsyncIO

/// Where control groups are, what is written into them, and that they hold.
struct ControlGroupTests {
    @Test("places are found in both versions, and in a container's view of them")
    func places() {
        let hybrid = """
            31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
            32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
            35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
            40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
            41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
            """
        let found = ControlGroupPlace.all(
            mounts: hybrid, groups: "9:name=systemd:/\n4:memory:/a/b\n2:cpu,cpuacct:/\n0::/x\n")
        #expect(
            found == [
                .init(folder: "/sys/fs/cgroup/cpu,cpuacct", isUnified: false, controllers: [.cpu]),
                .init(folder: "/sys/fs/cgroup/memory/a/b", isUnified: false, controllers: [.memory]),
                .init(folder: "/sys/fs/cgroup/unified/x", isUnified: true, controllers: []),
            ])
        let container = "30 24 0:26 /docker/abc /sys/fs/cgroup rw,nosuid - cgroup2 cgroup rw,nsdelegate\n"
        #expect(
            ControlGroupPlace.all(mounts: container, groups: "0::/docker/abc\n").map(\.folder) == ["/sys/fs/cgroup"])
        #expect(
            ControlGroupPlace.all(mounts: container, groups: "0::/docker/abc/d\n").map(\.folder) == ["/sys/fs/cgroup/d"]
        )
        #expect(ControlGroupPlace.all(mounts: container, groups: "0::/../other\n").isEmpty)
        #expect(ControlGroupPlace.all(mounts: container, groups: "0::/docker/abcdef\n").isEmpty)
        #expect(ControlGroupPlace.all(mounts: "nonsense\n", groups: "0::/\n").isEmpty)
    }

    @Test("a group has the limits that its place can hold, and the rest stays with the process")
    func plans() throws {
        let limits = ChildProcess.Limits(memory: 1 << 28, processes: 9, processors: 0.5, openFiles: 64)
        let unified = ControlGroupPlace(folder: "/g", isUnified: true, controllers: [.memory, .pids, .cpu])
        let (group, rest) = try #require(ControlGroups.plan(limits, in: [unified], name: "n"))
        #expect(
            group.folders == [
                .init(
                    path: "/g/n",
                    settings: [
                        .init(file: "memory.max", value: "268435456"),
                        .init(file: "memory.swap.max", value: "0", isOptional: true),
                        .init(file: "pids.max", value: "9"), .init(file: "cpu.max", value: "50000 100000"),
                    ])
            ])
        #expect(rest == .init(openFiles: 64))
        let old = ControlGroupPlace(folder: "/pids", isUnified: false, controllers: [.pids])
        let empty = ControlGroupPlace(folder: "/u", isUnified: true, controllers: [])
        let (two, remains) = try #require(ControlGroups.plan(limits, in: [old, empty], name: "n"))
        #expect(two.folders.map(\.path) == ["/u/n", "/pids/n"])
        #expect(two.folders[1].settings == [.init(file: "pids.max", value: "9")])
        #expect(remains == .init(memory: 1 << 28, processors: 0.5, openFiles: 64))
        #expect(ControlGroups.plan(limits, in: [], name: "n") == nil)
    }

    @Test("P06: where others live in our group, its controllers are left alone: some would make it one for threads")
    func inhabited() throws {
        let folder = try TemporaryDirectory("group")
        try FileManager.default.createDirectory(
            atPath: folder.file("sallyport-gateway"), withIntermediateDirectories: false)
        let moved = try folder.write("sallyport-gateway/cgroup.procs", "")
        for (inhabitants, type, isEnabled) in [
            ("\(getpid())\n\(getppid())\n", "domain\n", false), ("\(getpid())\n", "domain\n", true),
            ("\(getpid())\n\(getppid())\n", nil, true),
        ] {
            try folder.write("cgroup.procs", inhabitants)
            let control = try folder.write("cgroup.subtree_control", "")
            let types = folder.file("cgroup.type")
            if let type {
                try folder.write("cgroup.type", type)
            } else {
                try FileManager.default.removeItem(atPath: types)
            }
            var place = ControlGroupPlace(folder: folder.path, isUnified: true, controllers: [.pids])
            place.enable()
            #expect(try String(contentsOfFile: control, encoding: .utf8) == (isEnabled ? "+pids" : ""))
        }
        #expect(try String(contentsOfFile: moved, encoding: .utf8) == "\(getpid())")
    }

    @Test("P06: a place whose groups are none for processes is no place")
    func threaded() throws {
        let folder = try TemporaryDirectory("group")
        let old = ControlGroupPlace(folder: folder.path, isUnified: false, controllers: [.pids])
        #expect(old.takesGroups(like: "a"))
        // No kernel says here what the new group is.
        let unified = ControlGroupPlace(folder: folder.path, isUnified: true, controllers: [])
        #expect(!unified.takesGroups(like: "b"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }

    @Test("a group that cannot be made leaves nothing")
    func failure() throws {
        let folder = try TemporaryDirectory("group")
        let group = ControlGroup(folders: [
            .init(path: folder.file("a")),
            .init(path: folder.file("b"), settings: [.init(file: "absent", value: "1", isOptional: true)]),
            .init(path: folder.file("c"), settings: [.init(file: "absent", value: "1")]),
        ])
        var failure: IOError?
        do throws(IOError) { try group.make() } catch { failure = error }
        #expect(failure == .system(code: ENOENT))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }
}

/// The same with the kernel's own groups, on a machine that lets them be made.
@Suite(
    .timeLimit(.minutes(3)), .enabled(if: BuiltProgram.isReady),
    .enabled(if: !ControlGroups.possible.isEmpty, "no control group can be made here"))
struct ControlGroupKernelTests {
    /// Runs in a process of its own, for it adopts all orphans.
    static func outcomes(_ attempts: [String], _ limits: ChildProcess.Limits) async throws -> (
        text: String, status: ChildProcess.ExitStatus
    ) {
        Orphans.adopt()
        var configuration = ChildProcess.Configuration(
            executable: "/usr/bin/python3", arguments: [Checkout.client("attempts.py")] + attempts,
            environment: ["PATH": "/usr/bin:/bin"], workingDirectory: "/")
        configuration.limits = limits
        return try await withGroup(1) { group in try await OnLoop(group.loops[0]).output(configuration) }
    }

    /// Folders of groups that this process made and left.
    static var left: [String] {
        ControlGroupPlace.writable().flatMap { place in
            let names = (try? FileManager.default.contentsOfDirectory(atPath: place.folder)) ?? []
            return names.filter { $0.hasPrefix(ControlGroup.prefix) && $0.contains(ProcessMark.own?.text ?? "-") }
        }
    }

    @Test(
        "P06: processes are counted for the child and its descendants alone",
        .enabled(if: ControlGroups.possible.contains(.pids), "no group can count processes here"))
    func processes() async {
        await #expect(processExitsWith: .success) {
            #expect(BuiltProgram.isReady)
            let (text, _) = try await Self.outcomes(["fork=10", "fork=40", "fork=10", "bomb=1"], .init(processes: 20))
            #expect(text == "fork=10: ok\nfork=40: EAGAIN\nfork=10: ok\nbomb=1: ok\n")
            #expect(Self.left == [])
        }
    }

    @Test(
        "P06: a memory hog is killed, with its own group alone",
        .enabled(if: ControlGroups.possible.contains(.memory), "no group can bound memory here"))
    func memory() async {
        await #expect(processExitsWith: .success) {
            #expect(BuiltProgram.isReady)
            let (text, status) = try await Self.outcomes(["eat=32", "eat=8192"], .init(memory: 128 << 20))
            #expect(text == "eat=32: ok\n")
            #expect(status == .killed(signal: SIGKILL))
            #expect(Self.left == [])
        }
    }

    @Test(
        "P06: a child gets the share of a processor that it was given",
        .enabled(if: ControlGroups.possible.contains(.cpu), "no group can bound processors here"))
    func processors() async {
        await #expect(processExitsWith: .success) {
            #expect(BuiltProgram.isReady)
            let (text, _) = try await Self.outcomes(["burn=2"], .init(processors: 0.2))
            let used = Double(text.trimmingCharacters(in: .newlines).split(separator: " ").last ?? "") ?? 9
            #expect(used > 0 && used < 0.7, "\(text)")
            #expect(Self.left == [])
        }
    }

    @Test("P07: what a killed launcher leaves is found by its group, whatever its environment says")
    func killedLauncher() async {
        await #expect(processExitsWith: .success) {
            #expect(BuiltProgram.isReady)
            Orphans.adopt()
            try await withGroup(1) { group in
                let mark = ProcessTreeTests.mark(86410)
                var configuration = ChildProcess.Configuration.shell(
                    "env -i setsid sleep \(mark) </dev/null >/dev/null 2>&1 & echo ready; exec sleep \(mark)")
                configuration.limits.processes = 20
                let child = try await ChildProcess.spawn(configuration, on: group.loops[0])
                _ = try await OnLoop(group.loops[0]).run { _ in try await child.standardOutput.read() }
                #expect(await Processes.eventually { Processes.withArgument("sleep\0\(mark)").count >= 2 })
                #expect(!Self.left.isEmpty)
                for launcher in Processes.children { kill(pid_t(launcher), SIGKILL) }
                #expect(await child.wait() == .lost)
                #expect(await Processes.eventually(within: .seconds(2)) { Processes.withArgument(mark).isEmpty })
                await child.stop()
                #expect(await Processes.eventually(within: .seconds(3)) { Self.left.isEmpty })
            }
        }
    }

    @Test("P07: groups of a gateway that has ended are cleared, and those of others left alone")
    func abandoned() async {
        await #expect(processExitsWith: .success) {
            let own = try #require(ProcessMark.own)
            let gone = ProcessMark(process: own.process, beginning: "1", namespace: own.namespace)
            let foreign = ProcessMark(process: own.process, beginning: "1", namespace: 1)
            // In a group of its own: every gateway that starts meanwhile clears the usual place.
            let outer = try #require(ControlGroupPlace.writable().first).folder + "/sallyport-test-\(own.process)"
            let place = ControlGroupPlace(folder: outer, isUnified: false, controllers: [])
            try ControlGroup(folders: [.init(path: outer)]).make()
            defer { ControlGroup(folders: [.init(path: outer)]).remove() }
            let logs = try TemporaryDirectory("group")
            let groups = [gone, own, foreign].map {
                ControlGroup(folders: [.init(path: "\(place.folder)/\(ControlGroup.prefix)\($0.text)test")])
            }
            for group in groups { try group.make() }
            defer { for group in groups { group.clear(within: 1_000_000_000) } }
            let sleeper = try RunningProgram(
                "/bin/sleep", ["600"], environment: [:], in: "/", logs: logs, name: "sleeper")
            #expect(
                ControlGroup.write("\(sleeper.pid)", to: "\(groups[0].folders[0].path)/cgroup.procs") == 0)
            ControlGroups.clearAbandoned(in: place)
            #expect(await Processes.eventually { sleeper.exit != nil }, "its inhabitant is killed")
            let exist = groups.map { FileManager.default.fileExists(atPath: $0.folders[0].path) }
            #expect(exist == [false, true, true])
        }
    }
}
