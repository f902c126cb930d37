import AsyncIO
import Foundation
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1)))
struct SystemTests {
    @Test func blockingWorkLeavesTheLoopFree() async throws {
        try await withGroup(1) { group in
            let loop = group.loops[0]
            let turns = Shared(0)
            try await OnLoop(loop).run { _ in
                let ticker = Task(executorPreference: loop) {
                    while !Task.isCancelled {
                        try? await loop.sleep(for: .milliseconds(1))
                        turns.change { $0 += 1 }
                    }
                }
                let value = try await BlockingExecutor.shared.run { () -> Int in
                    usleep(100_000)
                    return 42
                }
                #expect(value == 42)
                #expect(loop.inEventLoop)
                ticker.cancel()
            }
            #expect(turns.value > 10)
        }
    }

    @Test func blockingWorkIsBoundedInThreadsAndQueue() async throws {
        let pool = BlockingExecutor(threads: 2, queue: 4)
        let running = Shared((now: 0, most: 0))
        let outcomes = await withTaskGroup(of: Bool.self) { tasks in
            for _ in 0..<20 {
                tasks.addTask {
                    do {
                        try await pool.run {
                            running.change {
                                $0.now += 1
                                $0.most = max($0.most, $0.now)
                            }
                            usleep(20_000)
                            running.change { $0.now -= 1 }
                        }
                        return true
                    } catch {
                        #expect(error as? IOError == .overloaded)
                        return false
                    }
                }
            }
            return await tasks.reduce(into: [Bool]()) { $0.append($1) }
        }
        #expect(running.value.most <= 2)
        #expect(outcomes.contains(true) && outcomes.contains(false))
    }

    @Test func errorsOfBlockingWorkArrive() async {
        await #expect(throws: IOError.brokenPipe) { try await BlockingExecutor.shared.run { throw IOError.brokenPipe } }
    }

    @Test func deadlinesCancel() async throws {
        try await withGroup(1) { group in
            let loop = group.loops[0]
            await #expect(throws: IOError.timedOut) {
                try await withDeadline(.milliseconds(20), on: loop) { try await loop.sleep(for: .seconds(100)) }
            }
            let value = try await withDeadline(.seconds(100), on: loop) { 5 }
            #expect(value == 5)
            await #expect(throws: IOError.brokenPipe) {
                try await withDeadline(.seconds(100), on: loop) { throw IOError.brokenPipe }
            }
        }
    }

    @Test func filesAreReplacedAtOnceWithTheirMode() throws {
        let folder = try FileSystem.makeTemporaryDirectory()
        defer { try? FileSystem.removeTree(folder) }
        #expect(try FileSystem.mode(of: folder) == 0o700)
        let path = "\(folder)/file"
        try FileSystem.writeFileAtomically(path, [1, 2, 3])
        try FileSystem.writeFileAtomically(path, [4], mode: 0o644)
        #expect(try FileSystem.readFile(path) == [4])
        #expect(try FileSystem.mode(of: path) == 0o644)
        #expect(try FileSystem.list(folder) == ["file"], "no temporary file is left")
        try FileSystem.appendToFile(path, [5], synchronized: true)
        #expect(try FileSystem.readFile(path, maximum: 2) == [4, 5])
        #expect(throws: FileSystem.Failure(path: path, reason: .system(code: EFBIG))) {
            try FileSystem.readFile(path, maximum: 1)
        }
        #expect(throws: FileSystem.Failure(path: "\(folder)/none", reason: .system(code: ENOENT))) {
            try FileSystem.readFile("\(folder)/none")
        }
        try FileSystem.ensureDirectory("\(folder)/a/b/c", mode: 0o700)
        try FileSystem.ensureDirectory("\(folder)/a/b/c", mode: 0o750)
        #expect(try FileSystem.mode(of: "\(folder)/a/b/c") == 0o750)
        #expect(throws: FileSystem.Failure.self) { try FileSystem.ensureDirectory(path) }
    }

    @Test func namesAreResolved() async throws {
        #expect(try await Resolver.addresses(of: "192.0.2.1", port: 80) == [.ip(.v4(0xC000_0201), port: 80)])
        let local = try await Resolver.addresses(of: "localhost", port: 8080)
        #expect(!local.isEmpty)
        #expect(local.allSatisfy { $0.isLoopback && $0.port == 8080 })
        await #expect(throws: Resolver.Failure.self) {
            _ = try await Resolver.addresses(of: "does-not-exist.invalid", port: 1)
        }
        await #expect(throws: Resolver.Failure.self) { _ = try await Resolver.addresses(of: "a\0b", port: 1) }
    }

    @Test func signalsArrive() async {
        await #expect(processExitsWith: .success) {
            await withGroup(1) { group in
                let signals = Signals.stream(of: [SIGUSR1, SIGUSR2], on: group.loops[0])
                // The watch is set on the loop; a call behind it returns when it is.
                await withCheckedContinuation { continuation in group.loops[0].execute { continuation.resume() } }
                kill(getpid(), SIGUSR2)
                for await signal in signals {
                    #expect(signal == SIGUSR2)
                    break
                }
            }
        }
    }

    @Test func aForeignDescriptorIsWatched() async throws {
        try await withGroup(1) { group in
            let loop = group.loops[0]
            try await OnLoop(loop).run { _ in
                let pipe = Pipe()
                let seen = Mutex<[SocketPoll.Events]>([])
                let reading = pipe.fileHandleForReading.fileDescriptor
                let poll = try #require(SocketPoll(reading, on: loop) { events in seen.withLock { $0.append(events) } })
                poll.watch(.readable)
                try await loop.sleep(for: .milliseconds(10))
                #expect(seen.withLock { $0 }.isEmpty)
                pipe.fileHandleForWriting.write(Data([1]))
                try await loop.sleep(for: .milliseconds(10))
                #expect(seen.withLock { $0.first } == .readable)
                poll.close()
                let count = seen.withLock { $0.count }
                try await loop.sleep(for: .milliseconds(10))
                #expect(seen.withLock { $0.count } == count)
            }
        }
    }

    @Test func theEnvironmentIsRead() {
        #expect(Environment.all["PATH"] == ProcessInfo.processInfo.environment["PATH"])
        #expect(Environment["PATH"] != nil)
        #expect(Environment["NO_SUCH_VARIABLE"] == nil)
    }
}
