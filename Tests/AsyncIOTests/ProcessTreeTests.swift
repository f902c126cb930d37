import AsyncIO
import Foundation
import Testing

/// Every way in which a tree of processes ends. Each test has its own duration for `sleep` as the mark of its processes,
/// which ends in the number of the test process, so that runs do not meet. Limits are wider than the rules, which are for
/// a machine that does not run all tests at once.
// What counts descriptors or children runs in a process of its own (an exit test), for other suites have theirs.
@Suite(.timeLimit(.minutes(5)), .enabled(if: BuiltProgram.isReady))
struct ProcessTreeTests {
    static func mark(_ seconds: Int, of process: Int32 = getpid()) -> String {
        "\(seconds).\(process)"
    }

    /// A leader with a child that escaped from group and session, one with a double fork, and a plain one.
    static func tree(_ mark: String) -> String {
        """
        sh -c 'setsid sleep \(mark)' & (setsid sh -c 'sleep \(mark) & sleep \(mark)' &) ; sleep \(mark) &
        echo ready; sleep \(mark)
        """
    }

    static func spawnTree(_ mark: String, on loop: EventLoop, prefix: String = "") async throws -> ChildProcess {
        try await OnLoop(loop).run { me in
            let child = try await ChildProcess.spawn(.shell(prefix + tree(mark)), on: loop)
            let line = try await child.standardOutput.read()
            #expect(line == Array("ready\n".utf8))
            return child
        }
    }

    @Test("P07: stop ends the whole tree, with escapees")
    func stopEndsTheTree() async throws {
        try await withGroup(1) { group in
            let child = try await Self.spawnTree(ProcessTreeTests.mark(86401), on: group.loops[0])
            #expect(await Processes.eventually { Processes.withArgument(ProcessTreeTests.mark(86401)).count >= 6 })
            let status = await child.stop(closing: .milliseconds(50), terminating: .milliseconds(500))
            #expect(status == .killed(signal: SIGTERM))
            #expect(Processes.withArgument(ProcessTreeTests.mark(86401)).isEmpty)
        }
    }

    @Test("d2, P07: a tree that ignores SIGTERM is killed after the second grace")
    func stubbornTreeIsKilled() async throws {
        try await withGroup(1) { group in
            let child = try await Self.spawnTree(
                ProcessTreeTests.mark(86402), on: group.loops[0], prefix: "trap '' TERM; ")
            let start = ContinuousClock.now
            let status = await child.stop(closing: .milliseconds(50), terminating: .milliseconds(100))
            #expect(status == .killed(signal: SIGKILL))
            #expect(Processes.withArgument(ProcessTreeTests.mark(86402)).isEmpty)
            #expect(ContinuousClock.now - start < .seconds(10))
        }
    }

    @Test("d2, P07: closing its input is enough for a polite child")
    func politeChildEndsByEndOfInput() async throws {
        try await withGroup(1) { group in
            let child = try await ChildProcess.spawn(.shell("cat; exit 7"), on: group.loops[0])
            #expect(await child.stop() == .exited(code: 7))
        }
    }

    @Test("F08: descendants that outlive the leader are killed and the pipe ends")
    func leaderlessTreeIsKilled() async throws {
        try await withGroup(1) { group in
            try await OnLoop(group.loops[0]).run { me in
                let child = try await ChildProcess.spawn(
                    .shell("setsid sleep \(ProcessTreeTests.mark(86403)) & echo gone"), on: me.loop)
                let start = ContinuousClock.now
                #expect(try await me.readAll(child.standardOutput) == "gone\n")
                #expect(await child.wait() == .exited(code: 0))
                // Half a second for the descendants, and what the start of a process takes.
                let time = ContinuousClock.now - start
                #expect(time < .milliseconds(1000), "\(time)")
                await child.stop()
                #expect(Processes.withArgument(ProcessTreeTests.mark(86403)).isEmpty)
            }
        }
    }

    @Test("P07: letting go of a child ends its tree")
    func droppedChildEnds() async throws {
        try await withGroup(1) { group in
            _ = try await Self.spawnTree(ProcessTreeTests.mark(86404), on: group.loops[0])
            #expect(
                await Processes.eventually(within: .seconds(3)) {
                    Processes.withArgument(ProcessTreeTests.mark(86404)).isEmpty
                })
        }
    }

    @Test("P07: SIGKILL of the gateway ends the tree within a second")
    func killedGatewayLeavesNothing() async {
        await #expect(processExitsWith: .signal(SIGKILL)) {
            #expect(BuiltProgram.isReady)
            let group = EventLoopGroup(count: 1)
            let child = try await ProcessTreeTests.spawnTree(
                ProcessTreeTests.mark(86405, of: getppid()), on: group.loops[0])
            #expect(await child.exitStatus == nil)
            #expect(
                await Processes.eventually {
                    Processes.withArgument(ProcessTreeTests.mark(86405, of: getppid())).count >= 6
                })
            kill(getpid(), SIGKILL)
        }
        #expect(
            await Processes.eventually(within: .seconds(1)) {
                Processes.withArgument(ProcessTreeTests.mark(86405)).isEmpty
            })
    }

    @Test("P07: SIGKILL of the launcher takes the child along and is noticed")
    func killedLauncherIsNoticed() async {
        await #expect(processExitsWith: .success) {
            #expect(BuiltProgram.isReady)
            try await withGroup(1) { group in
                let child = try await ChildProcess.spawn(
                    .shell("exec sleep \(ProcessTreeTests.mark(86406))"), on: group.loops[0])
                let launchers = Processes.children
                for launcher in launchers { kill(pid_t(launcher), SIGKILL) }
                #expect(await child.wait() == .lost)
                #expect(
                    await Processes.eventually(within: .seconds(3)) {
                        Processes.withArgument(ProcessTreeTests.mark(86406)).isEmpty
                    })
                await child.stop()
                #expect(Processes.children.isEmpty)
            }
        }
    }

    @Test("P08, F08: 10,000 short lives, or as many as fit in a minute, leave no zombie, descriptor or memory")
    func tenThousandLives() async {
        await #expect(processExitsWith: .success) {
            #expect(BuiltProgram.isReady)
            try await withGroup(2) { group in
                try await Task.sleep(for: .milliseconds(1))
                let lives = ["exit 0", "kill -9 $$", "exec cat"]
                @Sendable func cycles(_ count: Int, until end: ContinuousClock.Instant) async -> Int {
                    await withTaskGroup(of: Int.self) { tasks in
                        for worker in 0..<16 {
                            tasks.addTask {
                                var done = 0
                                while done < count / 16, ContinuousClock.now < end {
                                    await ChildProcess.spawnAndStop(
                                        on: group.loops[worker % 2], script: lives[done % lives.count])
                                    done += 1
                                }
                                return done
                            }
                        }
                        return await tasks.reduce(0, +)
                    }
                }
                // What is made once, such as threads and the allocator's arenas, is made before counting.
                _ = await cycles(480, until: .now + .seconds(20))
                #expect(await Processes.eventually { Processes.children.isEmpty })
                let (descriptors, memory) = (Processes.openDescriptors, Processes.residentKiB)
                let done = await cycles(10_000, until: .now + .seconds(60))
                #expect(done >= 1000, "only \(done) cycles")
                #expect(await Processes.eventually { Processes.openDescriptors <= descriptors })
                #expect(Processes.children.isEmpty)
                let growth = Processes.residentKiB - memory
                #expect(growth <= 5 << 10, "\(growth) KiB more after \(done) cycles")
            }
        }
    }

    @Test("P08: a child that ends at once, or in the middle of a write, is only its own failure")
    func endInTheMiddleOfAWrite() async throws {
        try await withGroup(1) { group in
            try await OnLoop(group.loops[0]).run { me in
                for _ in 0..<20 {
                    let child = try await ChildProcess.spawn(.shell("head -c 100000 >/dev/null; exit 0"), on: me.loop)
                    var failure: IOError?
                    do throws(IOError) {
                        try await child.standardInput.write([UInt8](repeating: 65, count: 10 << 20))
                    } catch { failure = error }
                    #expect(failure == .brokenPipe)
                    #expect(await child.wait() == .exited(code: 0))
                    await child.stop()
                }
            }
        }
    }

    @Test func aCancelledSpawnLeavesNothing() async {
        await #expect(processExitsWith: .success) {
            #expect(BuiltProgram.isReady)
            try await withGroup(1) { group in
                for delay in 0..<20 {
                    let task = Task {
                        try await ChildProcess.spawn(
                            .shell("exec sleep \(ProcessTreeTests.mark(86408))"), on: group.loops[0])
                    }
                    try await Task.sleep(for: .milliseconds(delay))
                    task.cancel()
                    // Either outcome is fine; a child that was started is dropped here.
                    _ = try? await task.value
                }
                #expect(await Processes.eventually { Processes.withArgument(ProcessTreeTests.mark(86408)).isEmpty })
                #expect(await Processes.eventually { Processes.children.isEmpty })
            }
        }
    }
}

extension ChildProcess {
    static func spawnAndStop(on loop: EventLoop, script: String) async {
        await spawnAndStop(on: loop, .shell(script))
    }
}
