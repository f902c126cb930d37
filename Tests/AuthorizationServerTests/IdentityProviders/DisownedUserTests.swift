import AuthorizationServer
import Foundation
import HTTP
import JSON
import OAuth
import Storage
import Telemetry
import Testing

/// What becomes of users when their provider or the allow-list changes its mind.
@Suite(.timeLimit(.minutes(2))) struct DisownedUserTests {
    private static func error(_ answer: Answer) throws -> String? { try answer.member("error") }

    @Test("I08: disabled at the provider: our refresh is invalid_grant and every grant of the user ends")
    func disabled() async throws {
        let setting = try await ProviderSetting()
        setting.standIn.script { $0.givesRefreshToken = true }
        let (access, refresh) = try await setting.tokens()
        let second = try await setting.tokens(setting.freshBrowser)
        try await setting.pass(.seconds(61))
        let first = await setting.fixture.refresh(refresh, setting.client)
        #expect(first.status == 200, "still vouched for: \(first.text)")
        let newer = try #require(try first.member("refresh_token"))
        setting.standIn.disable()
        try await setting.pass(.seconds(61))
        #expect(try await setting.accepts(access))
        let refused = await setting.fixture.refresh(newer, setting.client)
        #expect(refused.status == 400)
        #expect(try Self.error(refused) == "invalid_grant")
        #expect(!(try await setting.accepts(access)))
        #expect(!(try await setting.accepts(second.access)))
        #expect(try Self.error(await setting.fixture.refresh(second.refresh, setting.client)) == "invalid_grant")
        #expect(setting.fixture.audit.actions.contains(.userDisowned))
        #expect(await setting.choices().text.contains("Allow and sign in"), "the browser is signed out")
        // Back again at the provider, back again here, as the same account.
        _ = try await setting.tokens(setting.freshBrowser)
        #expect(try await setting.accounts().count == 1)
        await setting.stop()
    }

    @Test("I08: the provider is asked once a minute, whoever refreshes, so that its token is never used twice")
    func oneTurn() async throws {
        let setting = try await ProviderSetting()
        setting.standIn.script { $0.givesRefreshToken = true }
        var refreshes: [String] = []
        for _ in 0..<6 { refreshes.append(try await setting.tokens(setting.freshBrowser).refresh) }
        try await setting.pass(.seconds(61))
        let asked = setting.standIn.log.filter { $0 == "POST /token" }.count
        let fixture = setting.fixture
        let client = setting.client
        let statuses = await withTaskGroup(of: Int.self) { group in
            for refresh in refreshes { group.addTask { await fixture.refresh(refresh, client).status } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses == Array(repeating: 200, count: 6))
        #expect(setting.standIn.log.filter { $0 == "POST /token" }.count == asked + 1)
        await setting.stop()
    }

    @Test("F14: a provider that is down ends nobody's grants")
    func providerDown() async throws {
        let setting = try await ProviderSetting()
        setting.standIn.script { $0.givesRefreshToken = true }
        let (access, refresh) = try await setting.tokens()
        setting.standIn.script { script in
            script.answers["/token"] = { _ in .json(.serviceUnavailable, Array("{}".utf8)) }
        }
        try await setting.pass(.seconds(61))
        let answer = await setting.fixture.refresh(refresh, setting.client)
        #expect(answer.status == 200)
        #expect(try await setting.accepts(access))
        // Nor does our own registration there, when it is wrong.
        setting.standIn.script { script in
            script.answers["/token"] = { _ in .json(.unauthorized, Array(#"{"error":"invalid_client"}"#.utf8)) }
        }
        try await setting.pass(.seconds(61))
        let newer = try #require(try answer.member("refresh_token"))
        #expect(await setting.fixture.refresh(newer, setting.client).status == 200)
        await setting.stop()
    }

    @Test("the allow-list is looked at again at refresh, with what the provider says now")
    func groupLost() async throws {
        let setting = try await ProviderSetting(allow: AllowList(keys: [AccessKey(.group, "staff")]))
        setting.standIn.script {
            $0.givesRefreshToken = true
            $0.claims["groups"] = .array(["staff"])
        }
        let (access, refresh) = try await setting.tokens()
        setting.standIn.script { $0.claims["groups"] = .array(["leavers"]) }
        try await setting.pass(.seconds(61))
        let answer = await setting.fixture.refresh(refresh, setting.client)
        #expect(try Self.error(answer) == "invalid_grant")
        #expect(!(try await setting.accepts(access)))
        await setting.stop()
    }

    @Test("a changed configuration is applied at the start, and at every refresh")
    func configurationChanged() async throws {
        let setting = try await ProviderSetting()
        let (access, refresh) = try await setting.tokens()
        let changed = try await ProviderSetting(
            allow: AllowList(keys: [AccessKey(.user, "bob@corp.test")]), sharing: setting)
        let answer = await changed.fixture.refresh(refresh, setting.client)
        #expect(try Self.error(answer) == "invalid_grant")

        let other = try await ProviderSetting()
        let tokens = try await other.tokens()
        let restarted = try await ProviderSetting(allow: AllowList(), sharing: other)
        try await restarted.fixture.service.reviewIdentities()
        #expect(!(try await restarted.accepts(tokens.access)))
        let same = try await ProviderSetting(sharing: setting)
        try await same.fixture.service.reviewIdentities()
        #expect(try await same.accounts().count == 1)
        _ = access
        await setting.stop()
        await other.stop()
    }

    @Test("I08: nothing of the provider reaches a client or lies open in the store")
    func providerTokensStay() async throws {
        let setting = try await ProviderSetting()
        setting.standIn.script { $0.givesRefreshToken = true }
        let code = try #require(try await setting.arrive().locationParameters["code"])
        let answer = await setting.fixture.redeem(code, setting.client)
        for secret in ["provider-access-token", "provider-refresh-1", "stand-in secret"] {
            #expect(!answer.text.contains(secret))
        }
        let record = try #require(try await setting.fixture.store.identities().first)
        let sealed = try #require(record.sealedCredential)
        #expect(!String(decoding: sealed, as: UTF8.self).contains("provider-refresh"))
        #expect(!String(decoding: record.attributes, as: UTF8.self).contains("provider-"))
        await setting.stop()
    }

    @Test("an account that the administrator disabled stays out, whatever the provider says")
    func disabledHere() async throws {
        let setting = try await ProviderSetting()
        _ = try await setting.tokens()
        try await setting.fixture.users.disable("corp:alice@corp.test")
        let answer = await setting.browser.get(
            try setting.standIn.signIn(try await setting.depart(TestBrowser(setting.fixture))))
        #expect(answer.status == 403)
        let browser = TestBrowser(setting.fixture)
        let second = await browser.get(try setting.standIn.signIn(try await setting.depart(browser)))
        #expect(second.status == 403 && second.location == nil)
        await #expect(throws: UserAdministration.Refusal.federated("corp:alice@corp.test")) {
            try await setting.fixture.users.setPassword(of: "corp:alice@corp.test", to: "correct horse battery")
        }
        await setting.stop()
    }
}
