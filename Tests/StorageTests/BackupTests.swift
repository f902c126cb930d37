import AuthorizationServer
import Crypto
import Foundation
import OAuth
import Telemetry
import TestSupport
import Testing

@testable import Storage

/// Copies of a store, and the way back.
@Suite(.timeLimit(.minutes(2))) struct BackupTests {
    private let directory: TemporaryDirectory
    private var data: String { directory.file("data") }
    private var backup: BackupFile { BackupFile(path: directory.file("backup.db")) }

    init() throws {
        directory = try TemporaryDirectory("backup")
    }

    /// A data directory with one user and one sealed signing key.
    private func fill() async throws -> DataDirectory {
        let state = try DataDirectory.open(data)
        _ = try await state.store.add(makeUser("alice"), onlyIfFirst: false)
        var key = makeKey("k")
        key.sealedPrivateKey = try state.sealing.seal([1, 2, 3], authenticating: Array("k".utf8))
        _ = try await state.store.establish([key])
        return state
    }

    private func refusal(_ body: () throws -> Void) -> String {
        (#expect(throws: DatabaseOpeningError.self) { try body() })?.problem ?? ""
    }

    private func restore(replacing: Bool = false, into target: String? = nil) throws -> [String] {
        let target = target ?? data
        let found = try #require(try Restoration.findKey(nil, backup, target))
        #expect(try backup.contents(key: found.key).keyFits == true)
        let restoration = try Restoration(of: backup, keyPath: found.path, into: target, isReplacing: replacing)
        return try restoration.install(aside: "before")
    }

    @Test("F01: a copy of a store in use is one moment of it, complete, and nobody else can read it")
    func online() async throws {
        let state = try await fill()
        defer { state.store.close() }
        let writer = Task {
            for index in 0..<200 {
                _ = try await state.store.add(makeUser("user-\(index)"), onlyIfFirst: false)
                try await state.store.openGrant(
                    makeGrant("g\(index)", user: "id-user-\(index)"), refresh: "r\(index)")
            }
        }
        for round in 0..<5 {
            let copy = BackupFile(path: directory.file("copy-\(round)"))
            try copy.make(from: data, withKey: true, isReplacing: false)
            #expect(try copy.contents(key: state.sealing).keyFits == true)
            let store = try SQLiteStore(path: copy.path)
            let census = try await store.census(lifetime: SessionLifetime(), at: at(2))
            store.close()
            let users = (census[.users] ?? 0) - 1
            // A grant is written after its user: a copy may lie between the two, never the other way round.
            #expect([0, 1].contains(users - (census[.liveGrants] ?? 0)), "\(users)")
            for path in [copy.path, copy.keyPath] {
                let attributes = try FileManager.default.attributesOfItem(atPath: path)
                #expect(attributes[.posixPermissions] as? Int == 0o600, "S02: \(path)")
            }
        }
        try await writer.value
    }

    @Test("a copy that is there is not overwritten in silence, and --replace replaces it whole")
    func overwriting() async throws {
        let state = try await fill()
        defer { state.store.close() }
        try backup.make(from: data, withKey: false, isReplacing: false)
        let before = try Data(contentsOf: URL(fileURLWithPath: backup.path))
        #expect(refusal { try backup.make(from: data, withKey: false, isReplacing: false) } == "is there already")
        #expect(try Data(contentsOf: URL(fileURLWithPath: backup.path)) == before)
        _ = try await state.store.add(makeUser("bob"), onlyIfFirst: false)
        try backup.make(from: data, withKey: true, isReplacing: true)
        let store = try SQLiteStore(path: backup.path)
        defer { store.close() }
        #expect(try await store.users().map(\.name) == ["alice", "bob"])
        let left = try FileManager.default.contentsOfDirectory(atPath: directory.path)
        #expect(
            Set(left).isSubset(of: ["data", "backup.db", "backup.db.key", "backup.db-wal", "backup.db-shm"]), "\(left)")
    }

    @Test("F13: a backup becomes the store again, what was there is moved aside, and the gateway's key fits")
    func roundTrip() async throws {
        let state = try await fill()
        try backup.make(from: data, withKey: true, isReplacing: false)
        _ = try await state.store.add(makeUser("later"), onlyIfFirst: false)
        state.store.close()
        #expect(refusal { _ = try restore() } == "is there already")
        let moved = try restore(replacing: true)
        #expect(moved.contains { $0.hasSuffix("sallyport.db.before") })
        let again = try DataDirectory.open(data)
        #expect(try await again.store.users().map(\.name) == ["alice"])
        again.store.close()
        let aside = try SQLiteStore(path: data + "/sallyport.db.before")
        #expect(try await aside.users().map(\.name) == ["alice", "later"], "nothing was deleted")
        aside.close()
        #expect(try restore(into: directory.file("elsewhere")).isEmpty)
        let elsewhere = try DataDirectory.open(directory.file("elsewhere"))
        #expect(try await elsewhere.store.users().map(\.name) == ["alice"])
        elsewhere.store.close()
    }

    @Test("a store in use is not replaced, and one that is being replaced is not opened")
    func exclusion() async throws {
        let state = try await fill()
        try backup.make(from: data, withKey: true, isReplacing: false)
        #expect(refusal { _ = try restore(replacing: true) } == "is in use by a gateway or a command")
        #expect(try await state.store.users().count == 1)
        state.store.close()
        let restoration = try Restoration(of: backup, keyPath: backup.keyPath, into: data, isReplacing: true)
        #expect(refusal { _ = try DataDirectory.open(data) } == "is being restored from a backup")
        restoration.abandon()
        let again = try DataDirectory.open(data)
        again.store.close()
        #expect(!FileManager.default.fileExists(atPath: data + "/sallyport.db.restoring"))
    }

    @Test("F13: what is no backup, is damaged, or belongs to another key is found out before anything changes")
    func refused() async throws {
        let state = try await fill()
        try backup.make(from: data, withKey: true, isReplacing: false)
        let other = try #require(SealingKey([UInt8](repeating: 9, count: 32)))
        #expect(try backup.contents(key: other).keyFits == false)
        state.store.close()
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: backup.path)))
        for index in 5000..<min(bytes.count, 9000) { bytes[index] ^= 0x5A }
        for content in [bytes, Array("hello".utf8), [], Array(bytes.prefix(100))] {
            try Data(content).write(to: URL(fileURLWithPath: directory.file("odd")))
            let problem = refusal { _ = try BackupFile(path: directory.file("odd")).contents(key: nil) }
            #expect(problem.hasPrefix("is no backup that can be used"), "\(problem)")
        }
        #expect(
            refusal { _ = try BackupFile(path: directory.file("none")).contents(key: nil) }.hasPrefix("cannot be read"))
    }
}
