import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// The pages in a real browser.
    @Suite("Chromium")
    struct Chromium {
        @Test(
            "U01, U03, U05: setup link, login and consent in Chromium: readable, on a phone and in the dark, not framed",
            .timeLimit(.minutes(2)))
        func pages() async throws {
            let gateway = try GatewayProcess()
            try await gateway.start()
            try await gateway.logs("/setup")
            let log = gateway.log
            let link = try #require(log.firstMatch(of: /http:\/\/[^\s"]*\/setup[^\s"]*/), "no link in: \(log)").0
            let name = "<script>alert(1)</script>\u{202E} & \"co\""
            let report = try await PythonClient.run(
                "chromium.py", in: "current",
                [
                    "setup": link.replacingOccurrences(of: "\\/", with: "/"), "origin": gateway.origin,
                    "user": try await Self.firstUser(gateway), "password": EndToEnd.password, "client_name": name,
                ], within: .seconds(100))
            let looks = try #require(report["looks"] as? [String: [String: Any]])
            #expect(looks.count == 9)
            for (page, look) in looks {
                #expect(look["overflow"] as? Int == 0, "\(page) is wider than its screen")
                #expect(look["lowestContrast"] as? Double ?? 0 >= 4.5, "\(page): \(look)")
                #expect(look["smallestButton"] as? Double ?? 0 >= 36, "\(page): \(look)")
                #expect(look["unlabelled"] as? Int == 0 && look["language"] as? String == "en", "\(page): \(look)")
                let background = (look["background"] as? [Double] ?? []).reduce(0, +)
                if page.contains("dark") { #expect(background < 200, "\(page) is not dark") }
            }
            let consent = looks["consent light desk"]?["text"] as? String ?? ""
            #expect(consent.contains("<script>alert(1)</script>") || !consent.contains("alert"), "U03: \(consent)")
            #expect(!consent.contains("\u{202E}"))
            #expect(consent.contains("127.0.0.1") && consent.contains("demo"), "U04: \(consent)")
            // Chromium notes the 401 of the wrong password, which is meant.
            let complaints = (report["complaints"] as? [String] ?? []).filter { !$0.contains("401 (Unauthorized)") }
            #expect(complaints == [], "CSP violations, script errors and dialogs")
            for key in ["framed_login", "framed_consent"] {
                let inside = report[key] as? String ?? "missing"
                #expect(inside.isEmpty || inside.contains("refused"), "U01: \(key) shows \(inside)")
            }
            let back = try #require(report["returned"] as? String)
            #expect(FormEncoding.query(of: back)["state"] == "from-the-browser")
            #expect(FormEncoding.query(of: back)["iss"] == gateway.origin)
            let cookies = report["cookies"] as? [[String: Any]] ?? []
            #expect(!cookies.isEmpty && cookies.allSatisfy { $0["httpOnly"] as? Bool == true }, "U05: \(cookies)")
        }

        /// The account that the first start made.
        private static func firstUser(_ gateway: GatewayProcess) async throws -> String {
            let list = try await gateway.command(["user", "list", "--json"])
            let users = try JSONSerialization.jsonObject(with: Data(list.output.utf8))
            let entries = users as? [[String: Any]] ?? (users as? [String: Any])?["users"] as? [[String: Any]]
            return try #require(entries?.first?["name"] as? String, "\(list.output)")
        }
    }
}
