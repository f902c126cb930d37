import HTTP
package import JSON

/// What a server may not ask of a user through a client (c36): a secret by a form, which the client and its model would see, and to
/// open what is no plain address or holds a credential.
///
/// A form is judged by the names and titles of its fields: whoever writes something else there, to deceive, is not found out.
package enum ElicitationRules {
    /// Why an elicitation may not be put to anybody.
    package enum Fault: String, Error, Sendable {
        case secret = "a form may not ask for a secret"
        case address = "the address is none that may be opened"
        case credential = "the address holds a credential"
    }

    /// What is wrong with a request `elicitation/create`, or an entry of `inputRequests` that is one; nil for everything else.
    /// `allowsSecrets` leaves forms alone.
    package static func fault(of request: JSONNode, allowsSecrets: Bool) -> Fault? {
        guard MCPMethod(request["method"]) == .elicitationCreate, let params = request["params"] else { return nil }
        return fault(in: params, allowsSecrets: allowsSecrets)
    }

    /// The same for a result that asks for input, a notification of a task that does, and an error that wants pages opened
    /// (`-32042`).
    package static func fault(inAnswer answer: JSONNode, allowsSecrets: Bool) -> Fault? {
        let asked = (answer["result"] ?? answer["params"])?["inputRequests"]?.members.map(\.value) ?? []
        for request in asked { if let fault = fault(of: request, allowsSecrets: allowsSecrets) { return fault } }
        guard let error = answer["error"], error["code"]?.integer == -32042 else { return nil }
        return error["data"]?["elicitations"]?.elements.lazy.compactMap { fault(in: $0, allowsSecrets: true) }.first
    }

    private static func fault(in params: JSONNode, allowsSecrets: Bool) -> Fault? {
        if params["mode"]?.equals("url") == true { return fault(ofAddress: params["url"]?.string ?? "") }
        guard !allowsSecrets, let properties = params["requestedSchema"]?["properties"] else { return nil }
        return properties.members.contains(where: asksForSecret) ? .secret : nil
    }

    // MARK: Forms

    private static func asksForSecret(_ name: JSONNode, _ field: JSONNode) -> Bool {
        if field["format"]?.equals("password") == true || field["writeOnly"]?.boolean == true { return true }
        // A choice, or a yes, is no secret.
        let isChoice = field["enum"] != nil || field["oneOf"] != nil || field["type"]?.equals("boolean") == true
        guard !isChoice else { return false }
        return [name.string, field["title"]?.string].contains { $0.map(isNameOfSecret) ?? false }
    }

    private static let secrets: Set<String> = [
        "password", "passwd", "passphrase", "passcode", "secret", "credential", "credentials", "token", "apikey", "cvv",
        "cvc",
    ]
    private static let pairs: Set<String> = [
        "api key", "private key", "secret key", "access key", "signing key", "card number", "security code", "pin code",
    ]
    /// What follows the name of a secret and leaves it one.
    private static let repetitions: Set<String> = ["again", "confirm", "confirmation", "repeat", "value"]

    /// Whether a name or title ends in the name of a secret: "Your API key", `accessToken`; not `max_tokens`, `token_count`.
    static func isNameOfSecret(_ name: String) -> Bool {
        var words = words(of: name)
        while let last = words.last, repetitions.contains(last) { words.removeLast() }
        guard let last = words.last else { return false }
        return secrets.contains(last) || pairs.contains(words.suffix(2).joined(separator: " "))
    }

    /// The words of a name, in lower case: `apiKey`, `api_key` and `API key` have the same.
    private static func words(of name: String) -> [String] {
        var words: [String] = []
        var word = ""
        var wasLower = false
        func end() {
            if !word.isEmpty { words.append(word) }
            word = ""
        }
        for character in name.prefix(256) {
            guard character.isLetter else {
                end()
                wasLower = false
                continue
            }
            if character.isUppercase, wasLower { end() }
            wasLower = character.isLowercase
            word += character.lowercased()
        }
        end()
        return words
    }

    // MARK: Addresses

    /// Parameters that let in whoever has the address.
    private static let credentials: Set<String> = [
        "access_token", "id_token", "refresh_token", "api_key", "apikey", "password", "client_secret",
    ]

    private static func fault(ofAddress text: String) -> Fault? {
        let url: HTTPURL
        do throws(HTTPURLError) {
            url = try HTTPURL(text)
        } catch {
            return error == .userInformation ? .credential : .address
        }
        let parameters = [url.query, url.fragment].compactMap { $0 }.flatMap { $0.split(separator: "&") }
        let holdsCredential = parameters.contains { parameter in
            guard let name = parameter.split(separator: "=", maxSplits: 1).first, name.count < parameter.count - 1
            else { return false }
            return credentials.contains(name.lowercased())
        }
        return holdsCredential ? .credential : nil
    }
}
