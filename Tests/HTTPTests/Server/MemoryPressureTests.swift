import Foundation
import TestSupport
import Testing

@testable import HTTP

/// What a server refuses when memory is bounded.
struct MemoryPressureTests {
    private static func post(_ count: Int) -> [UInt8] {
        Array("POST /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: \(count)\r\n\r\n".utf8)
    }

    private static func text(_ count: Int) -> [UInt8] { Array(repeating: UInt8(ascii: "x"), count: count) }

    @Test("F19: large content that finds no room is refused, small is not, and room comes back with the answer")
    func content() async throws {
        let pressure = MemoryPressure(contentLimit: 250_000)
        try await LiveServer.run({ $0.pressure = pressure }) { live in
            for round in 0..<3 {
                let port = live.port
                let first = try await onThread {
                    let connection = try PlainConnection(port: port)
                    try connection.send(Self.post(250_000) + Self.text(200_000))
                    return Holder(connection)
                }
                try await eventuallyTrue("most of the content to be there") {
                    // All but what came with the head.
                    pressure.heldContent > 130_000
                }
                let second = try await live.exchange([Self.post(200_000) + Self.text(200_000)])
                #expect(LiveServer.statuses(second) == [503])
                let small = try await live.exchange([Self.post(60_000) + Self.text(60_000)])
                #expect(LiveServer.statuses(small) == [200])
                let rest = try await onThread {
                    try first.value?.send(Self.text(50_000))
                    return String(decoding: try first.value?.receiveAll() ?? [], as: UTF8.self)
                }
                #expect(LiveServer.statuses(rest) == [200])
                let again = try await live.exchange([Self.post(250_000) + Self.text(250_000)])
                #expect(LiveServer.statuses(again) == [200], "\(round)")
            }
        }
    }

    @Test("F19: at the last no connection is taken and no large content read; afterwards they are again")
    func critical() async throws {
        let pressure = MemoryPressure(contentLimit: 1 << 20)
        try await LiveServer.run({ $0.pressure = pressure }) { live in
            let port = live.port
            let early = try await onThread {
                let connection = try PlainConnection(port: port)
                try connection.send(Self.post(250_000) + Self.text(10_000))
                return Holder(connection)
            }
            try await eventuallyTrue("its head to be there") { live.seen.all.count == 1 }
            pressure.level = .critical
            let answer = try await onThread {
                String(decoding: try PlainConnection(port: port).receiveAll(), as: UTF8.self)
            }
            #expect(LiveServer.statuses(answer) == [503])
            let rest = try await onThread {
                // Whoever was refused in the middle may not take the rest.
                try? early.value?.send(Self.text(240_000))
                return String(decoding: try early.value?.receiveAll() ?? [], as: UTF8.self)
            }
            #expect(LiveServer.statuses(rest) == [503])
            pressure.level = .calm
            let later = try await live.exchange([Self.post(250_000) + Self.text(250_000)])
            #expect(LiveServer.statuses(later) == [200])
        }
    }
}
