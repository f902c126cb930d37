import AsyncIO
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1)))
struct EventLoopTests {
    actor Counter {
        let loop: EventLoop
        nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }
        var value = 0
        var offLoop = 0
        init(_ loop: EventLoop) { self.loop = loop }
        func increment() {
            value += 1
            if !loop.inEventLoop { offLoop += 1 }
        }
        func incrementTwice(with other: Counter) async {
            increment()
            await other.increment()
            increment()
        }
    }

    @Test func actorCodeRunsOnItsLoop() async {
        await withGroup { group in
            let counter = Counter(group.loops[0])
            await withTaskGroup(of: Void.self) { tasks in
                for _ in 0..<100_000 { tasks.addTask { await counter.increment() } }
            }
            #expect(await counter.value == 100_000)
            #expect(await counter.offLoop == 0)
        }
    }

    /// Notes what it is told, and says once a turn what it has collected.
    actor Gatherer {
        let loop: EventLoop
        nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }
        var waiting: [Int] = []
        var batches: [[Int]] = []
        var place = Waiter<String>()
        init(_ loop: EventLoop) { self.loop = loop }
        func add(_ number: Int) {
            waiting.append(number)
            guard waiting.count == 1 else { return }
            loop.atEndOfTurn { self.assumeIsolated { $0.flush() } }
        }
        private func flush() {
            batches.append(waiting)
            waiting = []
            // What is asked for at the end of a turn comes at the end of the next one.
            if batches.count == 1 { loop.atEndOfTurn { self.assumeIsolated { $0.batches.append([]) } } }
        }
        func addMany(_ numbers: Range<Int>) async {
            await withTaskGroup(of: Void.self) { tasks in
                for number in numbers { tasks.addTask(executorPreference: loop) { await self.add(number) } }
            }
        }
        func wait() async -> String {
            await Waiter.wait {
                $0(&place)
            } onCancel: { [loop] in
                loop.execute { self.assumeIsolated { $0.place.resume(returning: "cancelled") } }
            }
        }
        func resume() -> Bool {
            defer {
                place.resume(returning: "resumed")
                // Nobody is resumed twice.
                place.resume(returning: "again")
            }
            return place.isWaiting
        }
    }

    @Test func whatManyJobsOfOneTurnCollectGoesOutOnce() async throws {
        try await withGroup { group in
            let gatherer = Gatherer(group.loops[0])
            await gatherer.addMany(0..<100)
            try await eventuallyTrue("all are out") { await gatherer.batches.flatMap(\.self).count == 100 }
            let batches = await gatherer.batches
            #expect(batches.flatMap(\.self).sorted() == Array(0..<100))
            #expect(batches.count < 20, "\(batches.count) batches for 100 jobs")
        }
    }

    @Test func whatComesUpAtTheEndOfATurnDoesNotWaitForAnEvent() async {
        await withGroup { group in
            let loop = group.loops[0]
            let began = ContinuousClock.now
            await withCheckedContinuation { done in
                // Nothing else wakes the loop.
                loop.execute { loop.atEndOfTurn { loop.atEndOfTurn { loop.atEndOfTurn { done.resume() } } } }
            }
            #expect(ContinuousClock.now - began < .seconds(10))
        }
    }

    @Test func aWaiterIsResumedOnceOrCancelled() async throws {
        try await withGroup { group in
            let gatherer = Gatherer(group.loops[0])
            let patient = Task { await gatherer.wait() }
            try await eventuallyTrue("somebody waits") { await gatherer.resume() }
            #expect(await patient.value == "resumed")
            let impatient = Task { await gatherer.wait() }
            try await eventuallyTrue("somebody waits") { await gatherer.place.isWaiting }
            impatient.cancel()
            #expect(await impatient.value == "cancelled")
            #expect(await !gatherer.place.isWaiting)
        }
    }

    @Test func actorsOfTwoLoopsCallEachOther() async {
        await withGroup { group in
            let left = Counter(group.loops[0])
            let right = Counter(group.loops[1])
            await withTaskGroup(of: Void.self) { tasks in
                for index in 0..<10_000 {
                    tasks.addTask {
                        if index % 2 == 0 {
                            await left.incrementTwice(with: right)
                        } else {
                            await right.incrementTwice(with: left)
                        }
                    }
                }
            }
            #expect(await left.value == 15_000)
            #expect(await right.value == 15_000)
            #expect(await left.offLoop + right.offLoop == 0)
        }
    }

    @Test func isolationIsKnownInsideCallbacks() async {
        await withGroup(1) { group in
            let loop = group.loops[0]
            let counter = Counter(loop)
            await withCheckedContinuation { continuation in
                loop.execute {
                    counter.assumeIsolated { $0.increment() }
                    #expect(EventLoop.current === loop)
                    continuation.resume()
                }
            }
            #expect(EventLoop.current == nil)
            #expect(!loop.inEventLoop)
            #expect(await counter.value == 1)
        }
    }

    @Test func callsOfOneThreadKeepTheirOrder() async {
        await withGroup(1) { group in
            let seen = Mutex<[Int]>([])
            await withCheckedContinuation { continuation in
                for index in 0..<1000 { group.loops[0].execute { seen.withLock { $0.append(index) } } }
                group.loops[0].execute { continuation.resume() }
            }
            #expect(seen.withLock { $0 } == Array(0..<1000))
        }
    }

    @Test func taskExecutorPreferenceKeepsANonisolatedTaskOnTheLoop() async {
        await withGroup(1) { group in
            let loop = group.loops[0]
            let stayed = await Task(executorPreference: loop) {
                var stayed = loop.inEventLoop
                await Task.yield()
                stayed = stayed && loop.inEventLoop
                try? await loop.sleep(for: .milliseconds(1))
                return stayed && loop.inEventLoop
            }.value
            #expect(stayed)
        }
    }

    @Test func jobsThatKeepComingDoNotStarveTimers() async throws {
        try await withGroup(1) { group in
            let loop = group.loops[0]
            let busy = OnLoop(loop)
            let spinner = Task(executorPreference: loop) {
                await busy.run { _ in while !Task.isCancelled { await Task.yield() } }
            }
            let late = try await Task(executorPreference: loop) {
                let start = ContinuousClock.now
                try await loop.sleep(for: .milliseconds(20))
                return ContinuousClock.now - start
            }.value
            #expect(late < .seconds(5))
            spinner.cancel()
            await spinner.value
        }
    }

    @Test func sleepNeverEndsEarly() async throws {
        try await withGroup(1) { group in
            for milliseconds in [0, 1, 2, 5, 13] {
                let start = ContinuousClock.now
                try await group.loops[0].sleep(for: .milliseconds(milliseconds))
                #expect(ContinuousClock.now - start >= .milliseconds(milliseconds))
            }
        }
    }

    @Test func cancelledSleepEndsAtOnce() async {
        await withGroup(1) { group in
            let loop = group.loops[0]
            await withTaskGroup(of: Void.self) { tasks in
                for _ in 0..<1000 {
                    tasks.addTask {
                        await #expect(throws: CancellationError.self) { try await loop.sleep(for: .seconds(3600)) }
                    }
                }
                try? await loop.sleep(for: .milliseconds(10))
                tasks.cancelAll()
            }
        }
    }

    @Test func timersStopAndStartAgain() async throws {
        try await withGroup(1) { group in
            let loop = group.loops[0]
            let fired = try await OnLoop(loop).run { _ in
                let count = Mutex(0)
                let timer = LoopTimer(on: loop) { count.withLock { $0 += 1 } }
                timer.start(after: .milliseconds(1))
                timer.stop()
                try await loop.sleep(for: .milliseconds(20))
                let afterStop = count.withLock { $0 }
                timer.start(after: .milliseconds(1))
                try await loop.sleep(for: .milliseconds(20))
                timer.start(after: .milliseconds(1))
                try await loop.sleep(for: .milliseconds(20))
                return [afterStop, count.withLock { $0 }]
            }
            #expect(fired == [0, 2])
        }
    }

    @Test func aDroppedTimerDoesNotFire() async throws {
        try await withGroup(1) { group in
            let loop = group.loops[0]
            let count = Atomic(0)
            try await OnLoop(loop).run { _ in
                _ = loop.scheduled(after: .milliseconds(1)) { count.add(1, ordering: .relaxed) }
                try await loop.sleep(for: .milliseconds(20))
            }
            #expect(count.load(ordering: .relaxed) == 0)
        }
    }

    @Test func shutdownEndsSleepersOfTheLoop() async {
        let group = EventLoopGroup(count: 1)
        group.shutdown()
        group.shutdown()
    }
}
