import Foundation
import Glibc
import Testing

@testable import AsyncIO

/// Launchers that are copies of one that stands ready; each test in a process of its own, which has its own template.
@Suite(.timeLimit(.minutes(2)), .enabled(if: BuiltProgram.isReady))
struct LauncherTemplateTests {
    @Test("P01: a copied launcher is ours, shows its label, and gives its program what was configured")
    func copyIsLikeTheOriginal() async {
        await #expect(processExitsWith: .success) {
            #expect(BuiltProgram.isReady)
            LauncherTemplate.prepare()
            let template = try #require(LauncherTemplate.process)
            try await withGroup(1) { group in
                try await OnLoop(group.loops[0]).run { me in
                    var configuration = ChildProcess.Configuration.shell(
                        "ls /proc/self/fd | wc -l; env | sort; cat", environment: ["GIVEN": "here"])
                    configuration.label = "a label"
                    let child = try await ChildProcess.spawn(configuration, on: me.loop)
                    let launchers = Processes.children.filter { $0 != Int(template) }
                    #expect(launchers.count == 1)
                    let launcher = try #require(launchers.first)
                    #expect(Processes.withArgument("__launch\0a label\0").contains(launcher))
                    #expect(LauncherTemplateTests.parent(of: child.pid) == launcher)
                    // What is the template's stays there, such as its socket.
                    let numbers = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(launcher)/fd")
                    #expect(numbers.allSatisfy { Int($0) ?? .max < 16 }, "\(numbers)")
                    child.standardInput.close()
                    let text = try await me.readAll(child.standardOutput)
                    let lines = text.split(separator: "\n").map(String.init)
                    // 0 to 2, and what `ls` opened.
                    #expect(lines.first == "4")
                    #expect(lines.dropFirst().contains("GIVEN=here"))
                    #expect(!text.contains("LD_LIBRARY_PATH") && !text.contains("HOME"))
                    #expect(await child.wait() == .exited(code: 0))
                    await child.stop()
                    #expect(Processes.children == [Int(template)])
                }
            }
        }
    }

    @Test("P07: a template keeps nothing of what the gateway had open, of its terminal and of its children")
    func templateKeepsNothing() async {
        await #expect(processExitsWith: .success) {
            #expect(BuiltProgram.isReady)
            var ends: [Int32] = [-1, -1]
            try #require(unsafe pipe(&ends) == 0)
            LauncherTemplate.prepare()
            let template = try #require(LauncherTemplate.process)
            #expect(await Processes.eventually { getsid(template) == template }, "a session of its own")
            // Not marked to be closed: who held it would keep it open.
            close(ends[1])
            var waiting = pollfd(fd: ends[0], events: Int16(POLLIN), revents: 0)
            #expect(unsafe poll(&waiting, 1, 5000) == 1 && waiting.revents & Int16(POLLHUP) != 0)
            try await withGroup(1) { group in
                try await OnLoop(group.loops[0]).run { me in
                    let child = try await ChildProcess.spawn(.shell("exec cat"), on: me.loop)
                    child.standardInput.close()
                    #expect(await child.wait() == .exited(code: 0), "the end of its input is seen")
                    await child.stop()
                }
            }
        }
    }

    @Test("P07: a template that was killed or stopped costs nobody a child, and another takes its place")
    func lostTemplateIsReplaced() async {
        await #expect(processExitsWith: .success) {
            #expect(BuiltProgram.isReady)
            LauncherTemplate.prepare()
            try await withGroup(1) { group in
                for signal in [SIGKILL, SIGSTOP] {
                    let template = try #require(LauncherTemplate.process)
                    kill(template, signal)
                    for round in 0..<2 {
                        let child = try await ChildProcess.spawn(.shell("exec cat"), on: group.loops[0])
                        #expect(await child.stop() == .exited(code: 0))
                        #expect((LauncherTemplate.process == nil) == (round == 0))
                    }
                    #expect(LauncherTemplate.process != template)
                    #expect(LauncherTemplateTests.parent(of: template) == nil, "reaped")
                }
                let template = try #require(LauncherTemplate.process)
                #expect(Processes.children == [Int(template)])
            }
        }
    }

    @Test("P07: when a launcher is killed what it left is swept, and the template is not")
    func sweepSparesTheTemplate() async {
        await #expect(processExitsWith: .success) {
            #expect(BuiltProgram.isReady)
            Orphans.adopt()
            LauncherTemplate.prepare()
            let template = try #require(LauncherTemplate.process)
            try await withGroup(1) { group in
                let mark = ProcessTreeTests.mark(86411)
                let child = try await ChildProcess.spawn(
                    .shell("setsid sleep \(mark) & exec sleep \(mark)"), on: group.loops[0])
                #expect(await Processes.eventually { Processes.withArgument("sleep\0\(mark)").count == 2 })
                let launcher = try #require(LauncherTemplateTests.parent(of: child.pid))
                kill(pid_t(launcher), SIGKILL)
                #expect(await child.wait() == .lost)
                #expect(await Processes.eventually { Processes.withArgument("sleep\0\(mark)").isEmpty })
                await child.stop()
                #expect(await Processes.eventually { Processes.children == [Int(template)] })
                #expect(LauncherTemplate.process == template)
                let next = try await ChildProcess.spawn(.shell("exec cat"), on: group.loops[0])
                #expect(await next.stop() == .exited(code: 0))
                #expect(LauncherTemplate.process == template)
            }
        }
    }

    @Test("P07: template, launchers and programs end with a gateway that is killed")
    func nothingOutlivesTheGateway() async {
        await #expect(processExitsWith: .signal(SIGKILL)) {
            #expect(BuiltProgram.isReady)
            LauncherTemplate.prepare()
            let template = try #require(LauncherTemplate.process)
            let group = EventLoopGroup(count: 1)
            let child = try await ChildProcess.spawn(
                .shell("exec sleep \(ProcessTreeTests.mark(86412, of: getppid()))"), on: group.loops[0])
            #expect(await child.exitStatus == nil)
            try Data("\(template)".utf8).write(to: LauncherTemplateTests.note(of: getppid()))
            kill(getpid(), SIGKILL)
        }
        let note = LauncherTemplateTests.note(of: getpid())
        defer { try? FileManager.default.removeItem(at: note) }
        let template = Int32((try? String(contentsOf: note, encoding: .utf8)) ?? "") ?? 0
        #expect(template > 0)
        #expect(
            await Processes.eventually(within: .seconds(2)) {
                LauncherTemplateTests.parent(of: template) == nil
                    && Processes.withArgument(ProcessTreeTests.mark(86412)).isEmpty
            })
    }

    static func note(of pid: Int32) -> URL {
        FileManager.default.temporaryDirectory.appendingPathComponent("launcher-template-\(pid)")
    }

    /// Nil when there is no such process.
    static func parent(of pid: Int32) -> Int? {
        let text = (try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)) ?? ""
        return text.split(separator: ")").last?.split(separator: " ").dropFirst().first.flatMap { Int($0) }
    }
}
