import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// mcp-streamablehttp-client: out-of-band codes, a secret in the body, scopes of its own, RFC 7592.
    @Suite("The client of the seed project")
    struct SeedClient {
        private struct Step {
            let code: Int
            let text: String

            init(_ report: [String: Any], _ name: String) throws {
                let step = try #require(report[name] as? [String: Any], "\(name)")
                code = step["code"] as? Int ?? -1
                text = step["text"] as? String ?? ""
            }
        }

        @Test(
            "RFC 7592 §2: it registers, logs in, calls, reads, changes and removes its registration",
            .timeLimit(.minutes(3)))
        func everything() async throws {
            let gateway = try await EndToEnd.gateway(
                "servers:\n  demo: {command: \(Checkout.binary), args: [demo-server]}\noauth: {allow_out_of_band: true}\n"
            )
            let report = try await PythonClient.run(
                "seed_client.py", in: "seed",
                ["url": gateway.origin + "/demo/mcp", "user": EndToEnd.user, "password": EndToEnd.password],
                within: .seconds(150))
            let call = try Step(report, "call")
            #expect(call.code == 0 && call.text.contains("seeded"), "\(call.text)")
            let tools = try Step(report, "tools")
            #expect(tools.code == 0 && tools.text.contains("whoami"), "\(tools.text)")
            let info = try Step(report, "info")
            #expect(info.code == 0 && info.text.contains("urn:ietf:wg:oauth:2.0:oob"), "\(info.text)")
            #expect(info.text.contains("mcp-http-stdio"))
            let update = try Step(report, "update")
            #expect(update.code == 0 && update.text.contains("client_name: Renamed"), "\(update.text)")
            #expect(try Step(report, "info_again").text.contains("Renamed"), "with the token from before the change")
            let delete = try Step(report, "delete")
            #expect(delete.code == 0 && delete.text.contains("deleted successfully"), "\(delete.text)")
            let after = try Step(report, "info_after")
            #expect(after.code != 0 && after.text.contains("Invalid registration access token"), "\(after.text)")
            #expect(try Step(report, "test").text.contains("Server connection successful"))
            #expect((report["scope"] as? String)?.contains("read") == false, "what nobody offers is not granted")
            #expect(try Step(report, "call_after").code != 0, "its tokens are dead")
            let clients = try await gateway.command(["client", "list", "--json"])
            #expect(clients.output.trimmingCharacters(in: .whitespacesAndNewlines) == "[]")
        }

        @Test("A14: without allow_out_of_band it is refused in words")
        func refused() async throws {
            let gateway = try await EndToEnd.gateway()
            let walk = EndToEnd.walk(gateway)
            let answer = try await onThread {
                try walk.registerAnswer(["redirect_uris": ["urn:ietf:wg:oauth:2.0:oob"]])
            }
            #expect(answer.status == 400 && answer.object["error"] as? String == "invalid_redirect_uri")
        }
    }
}
