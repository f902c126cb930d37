import OAuth
import Testing

@testable import Gateway

/// Who has which place.
@Suite("Places of processes")
struct ProcessSlotsTests {
    private static let server: ServerDefinition = {
        var server = ServerDefinition(name: "a", command: "x")
        server.maximumSessions = 100
        return server
    }()

    private static func slots(_ change: (inout GatewayLimits) -> Void = { _ in }) -> ProcessSlots {
        var limits = GatewayLimits()
        limits.sessions = 16
        change(&limits)
        return ProcessSlots(limits)
    }

    @Test("P05: what stands ready leaves an eighth of all places for sessions, and its places are theirs")
    func spares() throws {
        let (slots, server) = (Self.slots(), Self.server)
        for _ in 0..<14 { #expect(slots.takeSpare(server)) }
        #expect(!slots.takeSpare(server) && slots.total == 14)
        for number in 0..<14 {
            try slots.take(server, for: UserID("u\(number)"))
            #expect(slots.total == 14, "the place of one that stands ready")
        }
        // Their processes are gone meanwhile: the sessions keep what they have.
        slots.giveBackSpare(server)
        #expect(slots.total == 14)
        for number in 14..<16 { try slots.take(server, for: UserID("u\(number)")) }
        #expect(throws: SpawnRefusal.capacity) { try slots.take(server, for: UserID("v")) }
        #expect(!slots.takeShared())
        for number in 0..<16 { slots.giveBack(server, of: UserID("u\(number)")) }
        #expect(slots.total == 0 && slots.takeSpare(server))
        slots.giveBackSpare(server)
        #expect(slots.total == 0)
    }

    @Test("P05: a user has so many, also of those that stand ready; a server has no more than it may")
    func limits() throws {
        let slots = Self.slots { $0.sessionsPerUser = 2 }
        var server = Self.server
        server.maximumSessions = 3
        for _ in 0..<3 { #expect(slots.takeSpare(server)) }
        #expect(!slots.takeSpare(server) && !slots.hasRoom(server))
        for _ in 0..<2 { try slots.take(server, for: UserID("u")) }
        #expect(throws: SpawnRefusal.userLimit) { try slots.take(server, for: UserID("u")) }
        try slots.take(server, for: UserID("v"))
        #expect(throws: SpawnRefusal.capacity) { try slots.take(server, for: UserID("v")) }
    }
}
