import AuthorizationServer
import Crypto
import Foundation
import Glibc
import OAuth
import Telemetry
import TestSupport
import Testing

@testable import Storage

/// What only the file on disk can show.
@Suite("SQLite store", .timeLimit(.minutes(2)))
struct SQLiteStoreTests {
    let directory: TemporaryDirectory
    var path: String { directory.file("sallyport.db") }

    init() throws {
        directory = try TemporaryDirectory("sqlite")
    }

    @Test("F01: what was acknowledged is there after the file is opened again")
    func reopening() async throws {
        let first = try SQLiteStore(path: path)
        _ = try await first.register(makeClient("c"), capacity: 10, evictableBefore: at(0))
        try await first.openGrant()
        _ = try await first.revoke(GrantID("grant-1"), reason: .clientRequest, at: at(5))
        // The second opening sees the log of the first, which is still open: nothing was written back yet.
        let second = try SQLiteStore(path: path)
        #expect(try await second.client(ClientID("c")) == makeClient("c"))
        #expect(try await second.grant(GrantID("grant-1"))?.revokedAt == at(5))
        first.close()
        second.close()
        let third = try SQLiteStore(path: path)
        let again = try await third.redeem(
            digest("code for grant-1"), refreshToken: nil, failureLimit: 5, at: at(6))
        #expect(again == .reused(GrantID("grant-1")))
        await #expect(throws: StoreError.self) { _ = try await first.client(ClientID("c")) }
    }

    @Test("F02: every connection that writes syncs its log at each commit")
    func durability() throws {
        let connection = try DatabaseOpening.open(path)
        #expect(try connection.row("PRAGMA journal_mode") { row throws(StoreError) in try row.text(0) } == "wal")
        #expect(try connection.row("PRAGMA synchronous") { row throws(StoreError) in try row.integer(0) } == 2)
        #expect(try connection.row("PRAGMA foreign_keys") { row throws(StoreError) in try row.integer(0) } == 1)
    }

    @Test("A07: of 100 redemptions through two openings of one file exactly one wins")
    func twoOpenings() async throws {
        let stores = [try SQLiteStore(path: path), try SQLiteStore(path: path)]
        for round in 0..<20 {
            try await stores[0].issue(makeCode("code-\(round)", grant: makeGrant("grant-\(round)")))
            let outcomes = try await race(100) { index in
                try await stores[index % 2].redeem(
                    digest("code-\(round)"), refreshToken: digest("r-\(round)-\(index)"), failureLimit: 5, at: at(1))
            }
            #expect(outcomes.filter { if case .redeemed = $0 { true } else { false } }.count == 1)
        }
        let feeds = [
            try await stores[0].revocations(after: 0, limit: 100),
            try await stores[1].revocations(after: 0, limit: 100),
        ]
        #expect(feeds[0] == feeds[1])
        #expect(feeds[0].count == 20)
    }

    @Test("two processes that open a new file at once make one schema")
    func openingRace() async throws {
        let path = path
        let stores = try await race(8) { _ in try SQLiteStore(path: path) }
        let outcomes = try await race(8) { try await stores[$0].add(makeUser("u\($0)"), onlyIfFirst: true) }
        #expect(outcomes.filter { $0 == .added }.count == 1)
    }

    @Test("S03: the high-water mark outlives the process")
    func highWaterMark() async throws {
        let first = try SQLiteStore(path: path)
        try await first.issue(makeCode("c"))
        #expect(try await first.redeem(digest("c"), refreshToken: nil, failureLimit: 5, at: at(61)) == .expired)
        first.close()
        let second = try SQLiteStore(path: path)
        #expect(try await second.highWaterMark() == at(61))
        #expect(try await second.redeem(digest("c"), refreshToken: nil, failureLimit: 5, at: at(1)) == .expired)
    }

    @Test("S02: neither file nor log holds a secret, and nobody else may read them")
    func canary() async throws {
        let state = try DataDirectory.open(directory.file("data"))
        let canaries = ["CANARY-code", "CANARY-refresh", "CANARY-session", "CANARY-link", "CANARY-private-key"]
        try await state.store.issue(makeCode(canaries[0]))
        _ = try await state.store.redeem(
            digest(canaries[0]), refreshToken: digest(canaries[1]), failureLimit: 5, at: at(1))
        try await state.store.start(
            BrowserSession(id: digest(canaries[2]), user: UserID("u"), startedAt: start, lastSeenAt: start),
            replacing: nil)
        try await state.store.issue(
            OneTimeLink(id: digest(canaries[3]), user: UserID("u"), issuedAt: start, expiresAt: at(9)))
        var key = makeKey("kid")
        key.sealedPrivateKey = try state.sealing.seal(Array(canaries[4].utf8), authenticating: Array("kid".utf8))
        _ = try await state.store.establish([key])
        for name in try FileManager.default.contentsOfDirectory(atPath: directory.file("data")) {
            let file = directory.file("data/\(name)")
            let content = try Data(contentsOf: URL(fileURLWithPath: file))
            for canary in canaries { #expect(content.range(of: Data(canary.utf8)) == nil, "\(canary) in \(name)") }
            #expect(try mode(file) == 0o600, "\(name)")
        }
        #expect(FileManager.default.fileExists(atPath: directory.file("data/sallyport.db-wal")))
        #expect(try mode(directory.file("data")) == 0o700)
    }

    @Test("F13: a file that is locked by another process is unavailable, and works again afterwards")
    func locked() async throws {
        let store = try SQLiteStore(path: path, busyTimeout: 100)
        let other = try SQLiteConnection(path: path)
        try other.run("BEGIN IMMEDIATE")
        let failure = await #expect(throws: StoreError.self) { try await store.issue(makeCode("c")) }
        #expect(failure?.code == .unavailable)
        #expect(try await store.code(digest("c")) == nil)
        try other.run("ROLLBACK")
        try await store.issue(makeCode("c"))
        #expect(try await store.code(digest("c")) != nil)
    }

    @Test("one caller's failure in a batch is its own")
    func savepoints() async throws {
        let store = try SQLiteStore(path: path)
        let outcomes = await withTaskGroup(of: Bool.self) { group in
            for index in 0..<100 {
                group.addTask {
                    // Every tenth breaks the uniqueness of the identifier.
                    do {
                        try await store.issue(makeCode(index % 10 == 0 ? "same" : "code-\(index)"))
                        return true
                    } catch {
                        return false
                    }
                }
            }
            return await group.reduce(into: [Bool]()) { $0.append($1) }
        }
        #expect(outcomes.filter { !$0 }.count == 9)
    }

    @Test("F13: a damaged file is refused with advice and left as it is")
    func corruption() async throws {
        let store = try SQLiteStore(path: path)
        for index in 0..<200 { try await store.issue(makeCode("code-\(index)", grant: makeGrant("g\(index)"))) }
        store.close()
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        for page in stride(from: 8, to: 40, by: 3) {
            try file.seek(toOffset: UInt64(page * 4096))
            file.write(Data(repeating: 0xA5, count: 2048))
        }
        try file.close()
        let before = try Data(contentsOf: URL(fileURLWithPath: path))
        let failure = #expect(throws: DatabaseOpeningError.self) { _ = try SQLiteStore(path: path) }
        #expect(failure?.problem.contains("damaged") == true)
        #expect(failure?.advice.contains("backup") == true)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
    }

    @Test("F13: something else than a store is refused", arguments: ["garbage", "foreign", "newer"])
    func wrongFile(_ kind: String) throws {
        switch kind {
        case "garbage":
            try Data(repeating: 0x41, count: 10_000).write(to: URL(fileURLWithPath: path))
            _ = unsafe chmod(path, 0o600)
        case "foreign":
            try SQLiteStore(path: path).close()
            try SQLiteConnection(path: path).script("PRAGMA application_id = 1")
        default:
            try SQLiteStore(path: path).close()
            try SQLiteConnection(path: path).script("PRAGMA user_version = 99")
        }
        let failure = #expect(throws: DatabaseOpeningError.self) { _ = try SQLiteStore(path: path) }
        let expected = ["garbage": "damaged", "foreign": "not a Sallyport store", "newer": "newer version"][kind]
        #expect(failure?.problem.contains(expected ?? "?") == true)
    }

    @Test("F13: a truncated log loses no page of the file")
    func truncatedLog() async throws {
        let store = try SQLiteStore(path: path)
        for index in 0..<20 { try await store.issue(makeCode("code-\(index)", grant: makeGrant("g\(index)"))) }
        let log = try Data(contentsOf: URL(fileURLWithPath: path + "-wal"))
        let copy = try directory.makeFolder("copy")
        try FileManager.default.copyItem(atPath: path, toPath: copy + "/sallyport.db")
        try log.prefix(log.count - 3000).write(to: URL(fileURLWithPath: copy + "/sallyport.db-wal"))
        let rest = try SQLiteStore(path: copy + "/sallyport.db")
        #expect(try await rest.code(digest("code-0")) != nil)
        #expect(try await rest.code(digest("code-19")) == nil)
    }

    @Test("O03: a store, key or folder that others can read is refused")
    func permissions() throws {
        let data = directory.file("data")
        _ = try DataDirectory.open(data)
        for (name, mode) in [("sallyport.db", 0o644), ("master.key", 0o640), ("", 0o750)] {
            let target = name.isEmpty ? data : "\(data)/\(name)"
            let before = try self.mode(target)
            _ = unsafe chmod(target, mode_t(mode))
            let failure = #expect(throws: DatabaseOpeningError.self) { _ = try DataDirectory.open(data) }
            #expect(failure?.advice.hasPrefix("chmod") == true)
            _ = unsafe chmod(target, mode_t(before))
        }
        _ = try DataDirectory.open(data)
    }

    @Test(
        "F13: a store or key that is missing is never made anew in silence", arguments: ["sallyport.db", "master.key"])
    func missingFile(_ name: String) async throws {
        let data = directory.file("data")
        let state = try DataDirectory.open(data)
        _ = try await state.store.establish([makeKey("k")])
        state.store.close()
        try FileManager.default.removeItem(atPath: "\(data)/\(name)")
        let failure = #expect(throws: DatabaseOpeningError.self) { _ = try DataDirectory.open(data) }
        #expect(failure?.advice.contains("restore") == true)
    }

    @Test("of racing first starts all get the same sealing key")
    func keyRace() async throws {
        let data = directory.file("data")
        let keys = try await race(16) { _ in try DataDirectory.open(data).sealing }
        let sealed = try keys[0].seal([1, 2, 3])
        for key in keys { #expect(key.open(sealed) == [1, 2, 3]) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: data).filter { $0.hasPrefix("master") }.count == 1)
    }

    private func mode(_ path: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return (attributes[.posixPermissions] as? NSNumber)?.intValue ?? -1
    }
}
