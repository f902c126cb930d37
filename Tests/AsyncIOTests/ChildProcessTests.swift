import AsyncIO
import Foundation
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(3)), .enabled(if: BuiltProgram.isReady))
struct ChildProcessTests {
    @Test func outputAndStatusArrive() async throws {
        try await withGroup(1) { group in
            let (text, status) = try await OnLoop(group.loops[0]).output(.shell("echo hello; exit 3"))
            #expect(text == "hello\n")
            #expect(status == .exited(code: 3))
        }
    }

    @Test func inputReachesTheChild() async throws {
        try await withGroup(1) { group in
            let text = try await OnLoop(group.loops[0]).run { me in
                let child = try await ChildProcess.spawn(.shell("cat"), on: me.loop)
                try await child.standardInput.write(Array("one\ntwo\n".utf8))
                await child.standardInput.shutdownWrite()
                let text = try await me.readAll(child.standardOutput)
                await child.stop()
                return text
            }
            #expect(text == "one\ntwo\n")
        }
    }

    @Test("d13, P01: arguments arrive exactly, no shell is involved")
    func argumentsAreExact() async throws {
        let hostile = ["", " ", "-x", "$(id)", "`id`", "; rm -rf /", "a\nb", "'\"", "*", "ü\u{1F600}", "--", "\\"]
        try await withGroup(1) { group in
            let (text, _) = try await OnLoop(group.loops[0]).output(
                ChildProcess.Configuration(
                    executable: "/usr/bin/printf", arguments: ["%s\\001"] + hostile, environment: [:]))
            #expect(
                text.split(separator: "\u{1}", omittingEmptySubsequences: false).dropLast().map(String.init) == hostile)
        }
    }

    @Test(
        "P01: a text with NUL is refused",
        arguments: [
            ChildProcess.Configuration(executable: "/bin/true", arguments: ["a\0b"]),
            ChildProcess.Configuration(executable: "/bin/true\0x"),
            ChildProcess.Configuration(executable: "/bin/true", environment: ["A": "\0"]),
            ChildProcess.Configuration(executable: "/bin/true", environment: ["A=B": "x"]),
            ChildProcess.Configuration(executable: "/bin/true", workingDirectory: "/\0"),
            ChildProcess.Configuration(executable: ""),
        ])
    func nulIsRefused(_ configuration: ChildProcess.Configuration) async {
        await withGroup(1) { (group) -> Void in
            await #expect(throws: ChildProcess.SpawnError.invalidConfiguration) {
                _ = try await ChildProcess.spawn(configuration, on: group.loops[0])
            }
        }
    }

    @Test("P01: a relative folder in PATH does not choose the program")
    func relativePathIsIgnored() async throws {
        let folder = try FileSystem.makeTemporaryDirectory()
        defer { try? FileSystem.removeTree(folder) }
        try FileSystem.writeFileAtomically("\(folder)/true", Array("#!/bin/sh\necho wrong\n".utf8), mode: 0o755)
        try await withGroup(1) { group in
            let (text, status) = try await OnLoop(group.loops[0]).output(
                ChildProcess.Configuration(
                    executable: "true", environment: ["PATH": ".::/usr/bin:/bin"], workingDirectory: folder))
            #expect(text == "")
            #expect(status == .exited(code: 0))
        }
    }

    @Test("P02: environment, descriptors, signals and privileges of a child are exactly as configured")
    func childIsClean() async throws {
        unsafe setenv("SALLYPORT_TEST_SECRET", "hidden", 1)
        defer { unsafe unsetenv("SALLYPORT_TEST_SECRET") }
        let script = """
            exec 2>/dev/null
            ls -l /proc/self/fd | grep -c -- '->' ; tr '\\0' '\\n' </proc/$$/environ | sort | tr '\\n' ' '; echo
            ls -m /proc/$$/fd
            grep -E 'NoNewPrivs|SigBlk|SigIgn|SigCgt' /proc/$$/status | tr -d '\\t' | tr '\\n' ' '; echo
            pwd; ulimit -c; ps -o pid=,sid=,pgid= $$ | tr -s ' '
            """
        try await withGroup(1) { group in
            let secrets = try FileHandle(forReadingFrom: URL(fileURLWithPath: "/etc/passwd"))
            defer { try? secrets.close() }
            let inheritable = fcntl(secrets.fileDescriptor, F_DUPFD, 100)
            defer { close(inheritable) }
            var configuration = ChildProcess.Configuration.shell(script, environment: ["ONLY": "this"])
            configuration.workingDirectory = "/usr"
            let (text, _) = try await OnLoop(group.loops[0]).output(configuration)
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
            try #require(lines.count >= 7)
            #expect(lines[1] == "ONLY=this PATH=/usr/local/bin:/usr/bin:/bin ")
            #expect(lines[2] == "0, 1, 2")
            #expect(lines[3].contains("NoNewPrivs:1"))
            #expect(lines[3].contains("SigBlk:0000000000000000"))
            #expect(lines[3].contains("SigIgn:0000000000000000"))
            #expect(lines[4] == "/usr")
            #expect(lines[5] == "0")
            let numbers = Set(lines[6].split(separator: " "))
            #expect(numbers.count == 1, "its own session and group: \(lines[6])")
        }
    }

    @Test func theRaisedDescriptorLimitIsNotPassedOn() async {
        await #expect(processExitsWith: .success) {
            #expect(BuiltProgram.isReady)
            var limit = rlimit(rlim_cur: 512, rlim_max: 4096)
            #expect(unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
            try await withGroup(1) { group in
                let (text, _) = try await OnLoop(group.loops[0]).output(.shell("ulimit -Sn; ulimit -Hn"))
                #expect(text == "512\n4096\n")
                #expect(
                    unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 && limit.rlim_cur == 4096
                )
            }
        }
    }

    @Test func limitsAreSet() async throws {
        try await withGroup(1) { group in
            var configuration = ChildProcess.Configuration.shell("ulimit -n; ulimit -d; ulimit -f; ulimit -t")
            configuration.limits = .init(memory: 64 << 20, openFiles: 64, cpuSeconds: 7, fileSize: 1 << 20)
            let (text, _) = try await OnLoop(group.loops[0]).output(configuration)
            #expect(text == "64\n65536\n2048\n7\n" || text == "64\n65536\n1024\n7\n")
        }
    }

    @Test func aProgramThatDoesNotExistIsNamed() async {
        await withGroup(1) { group in
            await #expect(throws: ChildProcess.SpawnError.notExecutable(path: "no-such-program", code: ENOENT)) {
                _ = try await ChildProcess.spawn(.init(executable: "no-such-program"), on: group.loops[0])
            }
            await #expect(throws: ChildProcess.SpawnError.notExecutable(path: "/etc/passwd", code: EACCES)) {
                _ = try await ChildProcess.spawn(.init(executable: "/etc/passwd"), on: group.loops[0])
            }
            await #expect(throws: ChildProcess.SpawnError.self) {
                _ = try await ChildProcess.spawn(
                    .init(executable: "/bin/true", workingDirectory: "/nowhere"), on: group.loops[0])
            }
        }
    }

    @Test func theSignalThatKilledIsReported() async throws {
        try await withGroup(1) { group in
            let (_, status) = try await OnLoop(group.loops[0]).output(.shell("kill -9 $$"))
            #expect(status == .killed(signal: SIGKILL))
        }
    }

    @Test("a child moves to another loop with all that it is: what it writes, complains and how it ends")
    func moving() async {
        await #expect(processExitsWith: .success) {
            #expect(BuiltProgram.isReady)
            try await withGroup(2) { group in
                let script = "echo early; echo grief >&2; read line; echo got $line; exit 5"
                let spawned = try await ChildProcess.spawn(.shell(script), on: group.loops[0])
                // Once for everything that a loop makes when it is first used.
                await (try await ChildProcess.spawn(.shell("cat"), on: group.loops[1])).stop()
                let before = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
                let child = try await spawned.moved(to: group.loops[1])
                #expect(child.pid == spawned.pid && child.loop === group.loops[1])
                let ended = Shared(false)
                child.whenExited { ended.change { $0 = true } }
                try await OnLoop(group.loops[1]).run { me in
                    try await child.standardInput.write(Array("here\n".utf8))
                    #expect(try await me.readAll(child.standardOutput) == "early\ngot here\n")
                    #expect(try await me.readAll(child.standardError) == "grief\n")
                }
                #expect(await child.wait() == .exited(code: 5))
                #expect(ended.value)
                await child.stop()
                try await eventuallyTrue("the other loop has closed what it had") {
                    try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count <= before - 3
                }
            }
        }
    }

    @Test("a child that has ended cannot move, and is gone then")
    func movingTheDead() async {
        await #expect(processExitsWith: .success) {
            #expect(BuiltProgram.isReady)
            try await withGroup(2) { group in
                let child = try await ChildProcess.spawn(.shell("exit 0"), on: group.loops[0])
                _ = await child.wait()
                await #expect(throws: ChildProcess.SpawnError.launcherFailed) {
                    _ = try await child.moved(to: group.loops[1])
                }
            }
        }
    }

    @Test("P03: a gigabyte on standard error does not hold up standard output")
    func floodsDoNotDeadlock() async {
        await #expect(processExitsWith: .success) {
            #expect(BuiltProgram.isReady)
            try await withGroup(1) { group in
                try await OnLoop(group.loops[0]).run { me in
                    let before = residentBytes()
                    let child = try await ChildProcess.spawn(
                        .shell("head -c 1073741824 /dev/zero >&2; echo answer"), on: me.loop)
                    let drain = Task(executorPreference: me.loop) { await me.discard(child) }
                    #expect(try await me.readAll(child.standardOutput) == "answer\n")
                    #expect(await drain.value == 1 << 30)
                    await child.stop()
                    #expect(residentBytes() - before < 8 << 20)
                }
            }
        }
    }

    @Test("P08: a child that closes its input is an error of the stream, not of the process")
    func brokenPipeIsAnError() async throws {
        try await withGroup(1) { group in
            try await OnLoop(group.loops[0]).run { me in
                let child = try await ChildProcess.spawn(.shell("exec 0<&-; echo closed; sleep 1000"), on: me.loop)
                _ = try await child.standardOutput.read()
                var failure: IOError?
                do throws(IOError) {
                    for _ in 0..<10 { try await child.standardInput.write([1]) }
                } catch {
                    failure = error
                }
                #expect(failure == .brokenPipe)
                await child.kill()
            }
        }
    }
}

extension OnLoop {
    /// Reads and forgets a child's standard error.
    func discard(_ child: ChildProcess) async -> Int {
        var count = 0
        while let bytes = try? await child.standardError.read() { count += bytes.count }
        return count
    }
}

/// The resident size of this process.
func residentBytes() -> Int {
    guard let data = FileManager.default.contents(atPath: "/proc/self/statm") else { return 0 }
    let fields = String(decoding: data, as: UTF8.self).split(separator: " ")
    return (Int(fields[1]) ?? 0) * 4096
}
