import Foundation
import Testing

@testable import AsyncIO

/// Many lives and deaths of hostile trees. `SALLYPORT_CYCLES` says how many: the goal is 10,000, the default is what a run of
/// all tests can wait for.
@Suite(.timeLimit(.minutes(60)), .enabled(if: BuiltProgram.isReady))
struct ProcessCycleTests {
    static var count: Int { ProcessInfo.processInfo.environment["SALLYPORT_CYCLES"].flatMap { Int($0) } ?? 320 }

    static func configurations(_ mark: String) -> [ChildProcess.Configuration] {
        let scripts = [
            "exit 0", "cat", "kill -9 $$", "exec sleep \(mark)", "setsid sleep \(mark) & exit 0",
            "exec 1>&- 2>&- ; sleep \(mark)", ProcessTreeTests.tree(mark),
        ]
        let plain = scripts.map { ChildProcess.Configuration.shell($0) }
        // The same trees with all that a launcher can have to clear away; where the machine has no groups, or no Landlock,
        // there is so much less of it.
        var bound = plain
        for index in bound.indices {
            bound[index].limits = .init(memory: 256 << 20, processes: 50)
            if ChildProcess.Sandbox.obstacle == nil { bound[index].sandbox = .init() }
        }
        return plain + bound
    }

    /// Folders of temporary files and control groups of this process.
    static var left: [String] {
        guard let mark = ProcessMark.own?.text else { return [] }
        let folders = ControlGroupPlace.writable().map(\.folder) + [LaunchedProcess.temporaryFolder]
        return folders.flatMap { folder in
            ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter { $0.contains(mark) }
        }
    }

    @Sendable static func run(_ count: Int, _ group: EventLoopGroup, _ mark: String) async {
        let configurations = configurations(mark)
        await withTaskGroup(of: Void.self) { tasks in
            for worker in 0..<8 {
                tasks.addTask {
                    for round in 0..<((count + 7 - worker) / 8) {
                        await ChildProcess.spawnAndStop(
                            on: group.loops[worker % 2], configurations[(worker + round) % configurations.count])
                    }
                }
            }
        }
    }

    @Test("P08, F08: cycles of hostile trees leave no zombie, no orphan, no descriptor, no folder and no memory")
    func cyclesLeaveNothing() async {
        await #expect(processExitsWith: .success) {
            #expect(BuiltProgram.isReady)
            Orphans.adopt()
            LauncherTemplate.prepare()
            let template = try #require(LauncherTemplate.process)
            await withGroup(2) { group in
                let mark = ProcessTreeTests.mark(86407)
                // What is made once (pool threads, lazily opened files, the allocator's arenas) is made before counting.
                await Self.run(160, group, mark)
                #expect(await Processes.eventually { Processes.children == [Int(template)] })
                let (descriptors, memory) = (Processes.openDescriptors, Processes.residentKiB)
                await Self.run(Self.count, group, mark)
                #expect(
                    await Processes.eventually { Processes.openDescriptors <= descriptors },
                    "\(descriptors): \(Processes.descriptorTargets)")
                #expect(Processes.children == [Int(template)])
                #expect(Processes.withArgument(mark).isEmpty)
                #expect(Self.left == [])
                let growth = Processes.residentKiB - memory
                #expect(growth <= 5 << 10, "\(growth) KiB more after \(Self.count) cycles")
            }
        }
    }
}

extension ChildProcess {
    static func spawnAndStop(on loop: EventLoop, _ configuration: Configuration) async {
        do {
            let child = try await ChildProcess.spawn(configuration, on: loop)
            await child.stop(closing: .milliseconds(5), terminating: .milliseconds(5))
        } catch {
            Issue.record("\(error)")
        }
    }
}
