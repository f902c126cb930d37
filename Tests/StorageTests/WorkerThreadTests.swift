import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Storage

@Suite("Worker thread", .timeLimit(.minutes(1)))
struct WorkerThreadTests {
    @Test("jobs run in order, in batches of at most the limit, all on one thread")
    func batches() async throws {
        let seen = Ledger<[Int]>()
        let threads = Ledger<String>()
        let worker = WorkerThread<Int>(capacity: 10_000, batchLimit: 7) { batch in
            seen.record(batch)
            threads.record("\(Thread.current)")
        }
        for index in 0..<1000 { #expect(worker.submit(index)) }
        worker.stop()
        try await onThread { worker.waitUntilEnded() }
        #expect(seen.all.flatMap { $0 } == Array(0..<1000))
        #expect(seen.all.allSatisfy { !$0.isEmpty && $0.count <= 7 })
        #expect(Set(threads.all).count == 1)
        #expect(!worker.submit(1), "a stopped worker takes nothing")
    }

    @Test("the queue is bounded, and what is refused never runs")
    func capacity() async throws {
        let gate = DispatchSemaphore(value: 0)
        let taken = Ledger<Int>()
        let worker = WorkerThread<Int>(capacity: 3, batchLimit: 1) { batch in
            taken.record(batch[0])
            gate.wait()
        }
        #expect(worker.submit(0))
        try await eventuallyTrue("the first job to be taken") { taken.count == 1 }
        for index in 1...3 { #expect(worker.submit(index)) }
        #expect(!worker.submit(4))
        for _ in 0..<10 { gate.signal() }
        worker.stop()
        try await onThread { worker.waitUntilEnded() }
        #expect(taken.all == [0, 1, 2, 3])
    }

    @Test("a worker that has ended is freed with its handler")
    func release() async throws {
        final class Witness: Sendable {}
        weak var witness: Witness?
        weak var freed: WorkerThread<Int>?
        do {
            let object = Witness()
            witness = object
            let worker = WorkerThread<Int>(capacity: 1, batchLimit: 1) { _ in withExtendedLifetime(object) {} }
            freed = worker
            worker.stop()
            try await onThread { worker.waitUntilEnded() }
        }
        try await eventuallyTrue("the thread to let go") { witness == nil && freed == nil }
    }
}
