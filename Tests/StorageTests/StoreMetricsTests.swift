import AsyncIO
import AuthorizationServer
import Foundation
import OAuth
import Telemetry
import TestSupport
import Testing

@testable import Storage

/// What Prometheus is told of the store. Tests beside this one count in the same registry, so numbers only grow.
@Suite("Metrics of the store") struct StoreMetricsTests {
    private static func number(_ name: String, in registry: MetricsRegistry = .shared) -> Int {
        String(decoding: registry.prometheusText(), as: UTF8.self).split(separator: "\n")
            .first { $0.hasPrefix(name + " ") }?.split(separator: " ").last.flatMap { Int($0) } ?? -1
    }

    private static func count(_ operation: String) -> Int {
        number(#"sallyport_store_operation_duration_seconds_count{operation="\#(operation)"}"#)
    }

    @Test(
        "reading and writing are timed, and what fails is counted by its reason", arguments: [Backend.sqlite, .redis])
    func operations(backend: Backend) async throws {
        let subject = try StoreUnderTest(backend)
        let before = (read: Self.count("read"), write: Self.count("write"))
        #expect(before.read >= 0 && before.write >= 0, "there from the start on")
        _ = try await subject.store.client(ClientID("nobody"))
        #expect(Self.count("read") > before.read)
        let id = SecretDigest(bytes: [UInt8](repeating: 7, count: 32))
        _ = try await subject.store.noteLoginFailure(id, capacity: 10, at: Timestamp(millisecondsSinceEpoch: 1))
        #expect(Self.count("write") > before.write)
        let name = #"sallyport_store_errors_total{operation="read",reason="unavailable"}"#
        let failures = Self.number(name)
        (subject.store as? SQLiteStore)?.close()
        await (subject.store as? RedisStore)?.close()
        await #expect(throws: StoreError.self) { try await subject.store.client(ClientID("nobody")) }
        #expect(Self.number(name) > failures)
    }

    @Test("every reason has its counter")
    func reasons() {
        let registry = MetricsRegistry()
        let metrics = StoreMetrics(in: registry)
        for code in [StoreError.Code.full, .corrupt, .unavailable] {
            metrics.note(.write, since: EventLoop.preciseNow, Result<Int, StoreError>.failure(.init(code, detail: "x")))
        }
        for reason in ["full", "corrupt", "unavailable"] {
            let name = #"sallyport_store_errors_total{operation="write",reason="\#(reason)"}"#
            #expect(Self.number(name, in: registry) == 1)
        }
    }
}
