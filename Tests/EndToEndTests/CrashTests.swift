import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// What was acknowledged is there after the program died at any moment.
    @Suite("Crashes")
    struct Crashes {
        /// What the program told a client with 2xx.
        enum Entry: Sendable {
            case registered(client: String)
            case refreshed(family: Int, token: String)
            case revoked(client: String, refresh: String, access: String)
            case redeemed(client: String, code: String)
            case consented(client: String, code: String)

            var kind: String {
                switch self {
                case .registered: "registered"
                case .refreshed: "refreshed"
                case .revoked: "revoked"
                case .redeemed: "redeemed"
                case .consented: "consented"
                }
            }
        }

        /// One family of tokens, used by one worker at a time.
        struct Family: Sendable {
            var client: String
            var tokens: TokenPair
        }

        @Test("F01: 100 kills under load lose nothing that was acknowledged", .timeLimit(.minutes(4)))
        func killsLoseNothing() async throws {
            let gateway = try await EndToEnd.gateway(EndToEnd.busy)
            var families: [Family] = []
            for _ in 0..<3 {
                let login = try await EndToEnd.logIn(gateway)
                families.append(Family(client: login.client, tokens: login.tokens))
            }
            let spender = try await Spender.make(gateway)
            let all = Ledger<Entry>()
            var readyTimes: [Duration] = []
            for cycle in 0..<100 {
                let ledger = Ledger<Entry>()
                let load = Load(gateway, ledger: ledger, families: families, spender: cycle % 2 == 0 ? spender : nil)
                async let finished: Void = load.run()
                let moment = Duration.milliseconds(Int.random(in: 5...150))
                try? await Task.sleep(for: moment)
                gateway.program?.signal(SIGKILL)
                load.stop()
                try await finished
                try await gateway.program?.waitUntilExit()
                let begin = ContinuousClock.now
                try await gateway.start()
                readyTimes.append(ContinuousClock.now - begin)
                families = try await verify(ledger, families, gateway, spender)
                for entry in ledger.all { all.record(entry) }
            }
            try await verifyLongLived(all, gateway, spender)
            let kinds = all.all.reduce(into: [String: Int]()) { $0[$1.kind, default: 0] += 1 }
            #expect(
                kinds.count == 5 && kinds.values.allSatisfy { $0 >= 20 }, "too small a load proves nothing: \(kinds)")
            let slowest = try #require(readyTimes.sorted().dropLast().last)
            #expect(slowest < .milliseconds(1500), "ready again after \(slowest)")
            try await checkIntegrity(gateway)
        }

        /// Looks for everything that the last life acknowledged; returns the families to go on with.
        private func verify(
            _ ledger: Ledger<Entry>, _ families: [Family], _ gateway: GatewayProcess, _ spender: Spender
        ) async throws -> [Family] {
            var families = families
            var registrations = 0
            for entry in ledger.all {
                if case .refreshed(let family, let token) = entry { families[family].tokens.refresh = token }
                // A page is limited to 120 visits a minute: the newest and some others stand for all.
                if case .registered = entry { registrations += 1 }
                if case .registered = entry, registrations > 10 { continue }
                try await verifySingle(entry, gateway, spender)
                // The code that a consent was answered with is good for a minute, once.
                guard case .consented(let client, let code) = entry else { continue }
                let walk = EndToEnd.walk(gateway)
                let answer = try await onThread { try walk.redeem(code: code, client: client) }
                #expect(answer.status == 200, "an acknowledged code is gone: \(answer.text)")
            }
            let newest = ledger.all.last { if case .registered = $0 { true } else { false } }
            if let newest { try await verifySingle(newest, gateway, spender) }
            for index in families.indices {
                let (client, refresh) = (families[index].client, families[index].tokens.refresh)
                let walk = EndToEnd.walk(gateway)
                let answer = try await onThread { try walk.refresh(refresh, client: client) }
                #expect(answer.status == 200, "an acknowledged refresh token is gone: \(answer.text)")
                if answer.status == 200 { families[index].tokens = try OAuthWalk.pair(in: answer) }
            }
            return families
        }

        private func verifySingle(_ entry: Entry, _ gateway: GatewayProcess, _ spender: Spender) async throws {
            let walk = EndToEnd.walk(gateway)
            switch entry {
            case .registered(let client):
                let url = walk.authorizationURL(client: client)
                let answer = try await gateway.request("GET", url)
                #expect(answer.status < 400, "an acknowledged client is gone: \(answer.status)")
            case .refreshed: break
            case .revoked(let client, let refresh, let access):
                let again = try await onThread { try walk.refresh(refresh, client: client) }
                #expect(again.object["error"] as? String == "invalid_grant", "a revoked grant lives: \(again.text)")
                let call = try await gateway.request("POST", "/demo/mcp", ["Authorization": "Bearer \(access)"])
                #expect(call.status == 401, "a revoked access token is accepted")
            case .redeemed(let client, let code):
                let again = try await onThread { try walk.redeem(code: code, client: client) }
                #expect(again.object["error"] as? String == "invalid_grant", "a spent code works again: \(again.text)")
            case .consented(let client, _):
                let isRemembered = try await onThread { try spender.isRemembered(client, walk) }
                #expect(isRemembered, "an acknowledged consent is asked for again")
            }
        }

        /// What must hold for good holds at the end of all lives too.
        private func verifyLongLived(
            _ ledger: Ledger<Entry>, _ gateway: GatewayProcess, _ spender: Spender
        ) async throws {
            for entry in ledger.all.shuffled().prefix(100) { try await verifySingle(entry, gateway, spender) }
        }

        private func checkIntegrity(_ gateway: GatewayProcess) async throws {
            try await gateway.terminate()
            let code = """
                import os, sqlite3, sys
                paths = [os.path.join(folder, name) for folder, _, names in os.walk(sys.argv[1]) for name in names]
                databases = [path for path in paths if open(path, "rb").read(15) == b"SQLite format 3"]
                assert databases, paths
                print([sqlite3.connect(path).execute("pragma integrity_check").fetchone()[0] for path in databases])
                """
            let check = try RunningProgram(
                "/usr/bin/python3", ["-c", code, gateway.directory.file("data")], logs: gateway.directory, name: "check"
            )
            let exit = try await check.waitUntilExit()
            #expect(exit == .exited(0), "\(check.errors)")
            #expect(check.output.contains("'ok'"), "\(check.output)")
        }
    }
}

/// Token and registration load that notes every success in a ledger, until it is stopped or the program dies.
private final class Load: Sendable {
    private let port: Int
    private let ledger: Ledger<EndToEnd.Crashes.Entry>
    private let families: [EndToEnd.Crashes.Family]
    private let spender: Spender?
    private let stopped = Ledger<Void>()

    init(
        _ gateway: GatewayProcess, ledger: Ledger<EndToEnd.Crashes.Entry>, families: [EndToEnd.Crashes.Family],
        spender: Spender?
    ) {
        port = gateway.port
        self.ledger = ledger
        self.families = families
        self.spender = spender
    }

    func stop() { stopped.record(()) }

    private var goesOn: Bool { stopped.count == 0 }
    private var walk: OAuthWalk { OAuthWalk(port: port, user: EndToEnd.user, password: EndToEnd.password) }

    /// Runs all workers to their end: the program's death ends them.
    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in families.indices { group.addTask { try await onThread { self.refresh(index) } } }
            group.addTask { try await onThread { self.register() } }
            if let spender { group.addTask { try await onThread { self.spend(spender) } } }
            try await group.waitForAll()
        }
    }

    private func register() {
        // A failure here is the death we caused: only what was acknowledged counts.
        while goesOn, let client = try? walk.register() { ledger.record(.registered(client: client)) }
    }

    private func refresh(_ index: Int) {
        var family = families[index]
        while goesOn, let answer = try? walk.refresh(family.tokens.refresh, client: family.client),
            let pair = try? OAuthWalk.pair(in: answer)
        {
            family.tokens = pair
            ledger.record(.refreshed(family: index, token: pair.refresh))
        }
    }

    /// Codes spent, and every other grant revoked; now and then somebody new is consented to.
    private func spend(_ spender: Spender) {
        let client = spender.client
        if let client = try? walk.register(), let code = try? spender.code(walk, for: client) {
            ledger.record(.consented(client: client, code: code))
        }
        while goesOn, let code = try? spender.code(walk), let answer = try? walk.redeem(code: code, client: client),
            let pair = try? OAuthWalk.pair(in: answer)
        {
            spender.count += 1
            guard spender.count.isMultiple(of: 2) else {
                ledger.record(.redeemed(client: client, code: code))
                continue
            }
            guard let revocation = try? walk.revoke(pair.refresh, client: client), revocation.status == 200 else {
                return
            }
            ledger.record(.revoked(client: client, refresh: pair.refresh, access: pair.access))
        }
    }
}

/// A browser that is logged in and has consented, so that a code costs one request. It outlives the lives of the program.
private final class Spender: @unchecked Sendable {
    // SAFETY: one load at a time has it, and uses it on one thread; what it left is looked at when that has ended.
    private let browser: PlainBrowser
    let client: String
    var count = 0

    private init(_ browser: PlainBrowser, client: String) {
        self.browser = browser
        self.client = client
    }

    static func make(_ gateway: GatewayProcess) async throws -> Spender {
        let walk = EndToEnd.walk(gateway)
        return try await onThread {
            let client = try walk.register()
            let spender = Spender(PlainBrowser(port: walk.port), client: client)
            _ = try spender.code(walk)
            return spender
        }
    }

    /// Whether the client gets a code without a page.
    func isRemembered(_ client: String, _ walk: OAuthWalk) throws -> Bool {
        var page = try browser.send("GET", walk.authorizationURL(client: client))
        for _ in 0..<3 {
            guard let location = page.header("location") else { return false }
            if location.hasPrefix(OAuthWalk.redirectURI) { return FormEncoding.query(of: location)["code"] != nil }
            page = try browser.send("GET", location)
        }
        return false
    }

    func code(_ walk: OAuthWalk, for other: String? = nil) throws -> String {
        let end = try browser.walk(
            walk.authorizationURL(client: other ?? client), to: OAuthWalk.redirectURI, as: EndToEnd.user,
            EndToEnd.password)
        guard let code = FormEncoding.query(of: end)["code"] else { throw PlainBrowser.WalkError(description: end) }
        return code
    }
}
