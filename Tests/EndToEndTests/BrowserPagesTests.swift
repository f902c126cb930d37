import Foundation
import TestSupport
import Testing

extension EndToEnd.Chromium {
    /// Pages are limited for each address: the browser's address is what it says it forwards.
    private static let configuration = EndToEnd.busy + "trusted_proxies: [127.0.0.1]\n"

    private static func run(_ part: String) async throws -> [String: Any] {
        let gateway = try await EndToEnd.gateway(configuration)
        return try await PythonClient.run(
            "chromium_pages.py", in: "current",
            [
                "origin": gateway.origin, "user": EndToEnd.user, "password": EndToEnd.password, "parts": [part],
            ], within: .seconds(150))
    }

    @Test(
        "U02: two tabs opened at once both log in, both ask, both get their code; without scripts",
        .timeLimit(.minutes(2)))
    func twoTabs() async throws {
        let report = try await Self.run("two_tabs")
        #expect((report["tabs_ask"] as? [String])?.allSatisfy { $0.contains("Allow two tabs") } == true)
        let answers = report["tabs"] as? [[String: String]] ?? []
        #expect(answers.map { $0["state"] } == ["tab0", "tab1"])
        #expect(Set(answers.compactMap { $0["code"] }).count == 2)
    }

    @Test("S4-28, U02: pages that come too late say what happened and what to do", .timeLimit(.minutes(2)))
    func tooLate() async throws {
        let report = try await Self.run("too_late")
        let late = report["late"] as? [String: String] ?? [:]
        let expected = [
            "answered": ["answered already", "start again from there"],
            "back": ["answered already"],
            "other_browser": ["another browser", "Start again from the application"],
            "unknown": ["expired", "connect again"],
            "signed_out": ["You are signed out", "Sign in again"],
            "consent_signed_out": ["You are signed out", "start again from the application"],
            "account_signed_out": ["You are signed out", "Nothing was changed"],
        ]
        for (name, parts) in expected {
            for part in parts { #expect(late[name]?.contains(part) == true, "\(name): \(late[name] ?? "-")") }
        }
    }

    @Test(
        "U01, U03: 60 names that try to be markup, on consent and account; the account on a phone and in the dark",
        .timeLimit(.minutes(3)))
    func markup() async throws {
        let report = try await Self.run("markup")
        let payloads = try #require(report["payloads"] as? [String: Any])
        #expect(payloads["count"] as? Int == 60)
        #expect(payloads["hits"] as? Int == 0 && payloads["elements"] as? Int == 0)
        #expect(payloads["complaints"] as? [String] == [], "CSP violations, dialogs, script errors, foreign requests")
        #expect(payloads["bidi"] as? Bool == false)
        #expect(payloads["listed"] as? Int == 60, "the account shows every one of them")
        let looks = try #require(report["looks"] as? [String: [String: Any]])
        #expect(looks.count == 4)
        for (page, look) in looks {
            #expect(look["overflow"] as? Int == 0, "\(page) is wider than its screen")
            #expect(look["lowestContrast"] as? Double ?? 0 >= 4.5, "\(page): \(look)")
            #expect(look["smallestButton"] as? Double ?? 0 >= 36, "\(page): \(look)")
            #expect(look["unlabelled"] as? Int == 0, "\(page): \(look)")
        }
        let inside = report["framed"] as? String ?? "missing"
        #expect(inside.isEmpty || inside.contains("refused"), "U01: the account in a frame: \(inside)")
        #expect(report["taken_back"] as? Int == 59)
        #expect((report["done"] as? String)?.contains("has no access any more") == true)
    }

    @Test(
        "U02: a page of another origin that posts our forms with the user's cookies gets 403", .timeLimit(.minutes(2)))
    func forged() async throws {
        let report = try await Self.run("forged")
        let answers = report["forged"] as? [String: Int] ?? [:]
        #expect(answers.count == 4 && answers.values.allSatisfy { $0 == 403 }, "\(answers)")
        #expect(report["still_signed_in"] as? Bool == true)
    }
}
