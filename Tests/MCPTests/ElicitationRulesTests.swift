import JSON
import Testing

@testable import MCP

@Suite("What servers may not ask of users")
struct ElicitationRulesTests {
    @Test(
        "c36: a field whose name ends in that of a secret asks for one",
        arguments: [
            "password", "Password", "userPassword", "user_password", "Your API key", "apiKey", "api-key",
            "access_token",
            "githubToken", "clientSecret", "Passphrase (again)", "password_confirmation", "credit card number", "CVV",
            "PrivateKey", "aws secret access key", "token value",
        ])
    func secrets(name: String) { #expect(ElicitationRules.isNameOfSecret(name)) }

    @Test(
        "c36: one that only speaks of secrets does not",
        arguments: [
            "name", "max_tokens", "tokens", "token_count", "password_length", "secretary", "key", "keyboard", "apikeys",
            "number", "phone number", "reset password?now", "", "…", "compass", "session", "username",
        ])
    func others(name: String) { #expect(!ElicitationRules.isNameOfSecret(name)) }

    private static func fault(_ params: String, allowsSecrets: Bool = false) throws -> ElicitationRules.Fault? {
        let text = #"{"method":"elicitation/create","params":\#(params)}"#
        return ElicitationRules.fault(
            of: try JSONDocument(parsing: Array(text.utf8)).root, allowsSecrets: allowsSecrets)
    }

    @Test("c36: forms are judged by every field; choices are none of a secret")
    func forms() throws {
        func form(_ fields: String) -> String {
            #"{"message":"?","requestedSchema":{"type":"object","properties":{"a":{"type":"string"},\#(fields)}}}"#
        }
        for field in [
            #""password":{"type":"string"}"#, #""x":{"type":"string","title":"API key"}"#,
            #""x":{"type":"string","format":"password"}"#, #""x":{"type":"string","writeOnly":true}"#,
            #""pin code":{"type":"integer"}"#, #""\u0070assword":{}"#,
        ] {
            #expect(try Self.fault(form(field)) == .secret, "\(field)")
            #expect(try Self.fault(form(field), allowsSecrets: true) == nil)
        }
        for field in [
            #""reset_password":{"type":"boolean"}"#, #""token":{"type":"string","enum":["a","b"]}"#,
            #""token":{"type":"string","oneOf":[{"const":"a","title":"A"}]}"#, #""email":{"type":"string"}"#,
        ] { #expect(try Self.fault(form(field)) == nil, "\(field)") }
        for odd in ["{}", "7", #"{"requestedSchema":7}"#, #"{"requestedSchema":{"properties":[1]}}"#] {
            #expect(try Self.fault(odd) == nil, "\(odd)")
        }
    }

    @Test("c36: an address is one of the web and lets nobody in by itself")
    func addresses() throws {
        func page(_ url: String) -> String { #"{"mode":"url","message":"?","url":"\#(url)"}"# }
        for good in [
            "https://example.com/connect?elicitationId=7", "http://localhost:3000/", "https://example.com/?token=",
            "https://example.com/authorize?client_id=a&redirect_uri=https%3A%2F%2Fx%2F&code_challenge=b&state=c",
            "https://example.com/?access_token=", "https://example.com/password?page=1#reset",
        ] { #expect(try Self.fault(page(good)) == nil, "\(good)") }
        for bad in [
            "javascript:alert(1)", "file:///etc/passwd", "data:text/html,x", "", "https://", "https://ex ample/",
        ] {
            #expect(try Self.fault(page(bad), allowsSecrets: true) == .address, "\(bad)")
        }
        for bad in [
            "https://user:pw@example.com/", "https://user@example.com/", "https://example.com/?x=1&access_token=abc",
            "https://example.com/#id_token=abc", "https://example.com/?API_KEY=abc",
            "https://example.com/?password=abc",
        ] { #expect(try Self.fault(page(bad), allowsSecrets: true) == .credential, "\(bad)") }
        #expect(try Self.fault(#"{"mode":"url","message":"?"}"#) == .address)
    }

    @Test("c36: the same in results that ask for input, in tasks and in errors that want pages opened")
    func answers() throws {
        func fault(_ text: String) throws -> ElicitationRules.Fault? {
            ElicitationRules.fault(inAnswer: try JSONDocument(parsing: Array(text.utf8)).root, allowsSecrets: false)
        }
        let form = #"{"method":"elicitation/create","params":{"requestedSchema":{"properties":{"secret":{}}}}}"#
        let sampling = #"{"method":"sampling/createMessage","params":{"requestedSchema":{"properties":{"secret":{}}}}}"#
        #expect(try fault(#"{"result":{"inputRequests":{"a":\#(sampling),"b":\#(form)}}}"#) == .secret)
        #expect(try fault(#"{"result":{"inputRequests":{"a":\#(sampling)}}}"#) == nil)
        #expect(try fault(#"{"params":{"taskId":"t","inputRequests":{"b":\#(form)}}}"#) == .secret)
        func error(_ code: Int, _ url: String) -> String {
            #"{"error":{"code":\#(code),"data":{"elicitations":[{"mode":"url","url":"https://example.com/"},{"mode":"url","url":"\#(url)"}]}}}"#
        }
        #expect(try fault(error(-32042, "javascript:x")) == .address)
        #expect(try fault(error(-32042, "https://example.com/x")) == nil)
        #expect(try fault(error(-32000, "javascript:x")) == nil)
        for odd in [#"{"result":{"inputRequests":7}}"#, #"{"error":{"code":-32042}}"#, #"{"result":7}"#] {
            #expect(try fault(odd) == nil, "\(odd)")
        }
    }
}
