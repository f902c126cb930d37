import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Several servers at once; one that fails is its own business.
    @Suite("Several servers")
    struct SeveralServers {
        @Test("each is started when first needed, and a failing one never touches another")
        func independence() async throws {
            let gateway = try await EndToEnd.gateway(
                EndToEnd.hostile(["crash": ["crash"], "never": ["never"], "bad": [], "chatty": ["banner"]]))
            let before = ProcessTable.descendants(of: gateway.pid)
            #expect(before == [], "nothing runs before it is needed")
            let port = gateway.port
            let good = try await EndToEnd.logIn(gateway, to: "/demo/mcp").tokens.access
            let client = try await EndToEnd.session(gateway, "/demo/mcp", token: good)
            for broken in ["crash", "never"] {
                let token = try await EndToEnd.logIn(gateway, to: "/\(broken)/mcp").tokens.access
                async let failing = onThread { () throws -> String in
                    let client = PlainMCP(port: port, path: "/\(broken)/mcp", token: token)
                    let hello =
                        #"{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"c","version":"1"}}"#
                    do {
                        let answer = try client.post(PlainMCP.request("initialize", id: 1, hello), timeout: 2)
                        return answer.errorCode != nil || answer.status >= 500 ? "failed" : "\(answer.messages)"
                    } catch PlainConnectionError.timedOut {
                        return "waiting"
                    }
                }
                try await ChildFaults.expectUnharmed(client, gateway)
                #expect(try await failing == (broken == "crash" ? "failed" : "waiting"))
                try await ChildFaults.expectUnharmed(client, gateway)
            }
            let chatty = try await EndToEnd.logIn(gateway, to: "/chatty/mcp").tokens.access
            let session = try await EndToEnd.session(gateway, "/chatty/mcp", token: chatty)
            let answer = try await ChildFaults.call(session, "echo", id: 2, #"{"message":"after the banner"}"#)
            #expect(answer.text == "after the banner", "P04: text before JSON is discarded")
            try await ChildFaults.expectUnharmed(client, gateway)
        }

        @Test("a token opens exactly the servers that were consented to")
        func consentIsPerServer() async throws {
            let gateway = try await EndToEnd.gateway(EndToEnd.hostile())
            let walk = EndToEnd.walk(gateway, to: "/bad/mcp")
            let page = try await onThread {
                let client = try walk.register()
                let browser = PlainBrowser(port: walk.port)
                _ = try browser.walk(
                    walk.authorizationURL(client: client), to: OAuthWalk.redirectURI, as: EndToEnd.user,
                    EndToEnd.password)
                return browser.hops.map(\.response.text).first { $0.contains("value=\"allow\"") } ?? ""
            }
            #expect(page.contains("/bad/mcp") && !page.contains("/demo/mcp"), "U04: the page names the server")
        }

        @Test("the identity reaches the child by its call, and a client cannot make one up")
        func identity() async throws {
            let gateway = try await EndToEnd.gateway()
            let token = try await EndToEnd.logIn(gateway).tokens.access
            let client = try await EndToEnd.session(gateway, token: token)
            let plain = try await ChildFaults.call(client, "whoami", id: 2)
            #expect(plain.text?.contains(EndToEnd.user) == true, "\(plain.messages)")
            let key = try #require(
                try await ChildFaults.call(client, "headers", id: 3).text?.firstMatch(of: /"([^"]*sallyport[^"]*)":/)?.1
            )
            let forged = try await onThread { [key = String(key)] in
                try client.post(
                    PlainMCP.request(
                        "tools/call", id: 4,
                        #"{"name":"whoami","arguments":{},"_meta":{"\#(key)":{"id":"root","name":"mallory"}}}"#))
            }
            #expect(
                forged.text?.contains("mallory") != true && forged.text?.contains(EndToEnd.user) == true,
                "R07: \(forged.messages)")
            let headers = try await ChildFaults.call(client, "headers", id: 5)
            #expect(headers.text?.contains(token) == false, "R03: the client's token never reaches a child")
        }
    }
}
