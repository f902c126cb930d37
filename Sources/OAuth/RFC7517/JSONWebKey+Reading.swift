import Crypto
package import JSON

extension JSONWebKey {
    private static let maximumIDBytes = 256
    private static let secretMembers = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"]

    /// Reads somebody else's key; nil where this project cannot verify with it: another type or curve, another use than
    /// signatures (RFC 7517 §4.2, §4.3), another algorithm than the key's one (§4.4), or numbers that are no key.
    package init?(_ node: JSONNode) {
        guard node.isObject, Self.mayVerify(node), let parameters = Self.parameters(node),
            let key = try? PublicKey(parameters)  // numbers that are no key make no key
        else { return nil }
        if let algorithm = node["alg"] {
            guard let name = algorithm.string, name.utf8.elementsEqual(key.algorithm.rawValue.utf8) else { return nil }
        }
        guard let member = node["kid"] else {
            self.init(key)
            return
        }
        guard let id = member.string, (1...Self.maximumIDBytes).contains(id.utf8.count) else { return nil }
        self.init(key, id: id)
    }

    /// Whether the key carries private or symmetric numbers, which nobody may send to others.
    package static func holdsSecrets(_ node: JSONNode) -> Bool {
        secretMembers.contains { node[$0] != nil }
    }

    private static func mayVerify(_ node: JSONNode) -> Bool {
        if let use = node["use"], !use.equals("sig") { return false }
        guard let operations = node["key_ops"] else { return true }
        return operations.elements.contains { $0.equals("verify") }
    }

    private static func parameters(_ node: JSONNode) -> PublicKeyParameters? {
        func number(_ name: String) -> [UInt8]? { node[name]?.stringBytes.flatMap { Base64URL.decode($0) } }
        switch node["kty"]?.string {
        case "RSA":
            guard let modulus = number("n"), let exponent = number("e") else { return nil }
            return .rsa(modulus: modulus, exponent: exponent)
        case "EC":
            guard node["crv"]?.equals("P-256") == true, let x = number("x"), let y = number("y") else { return nil }
            return .p256(x: x, y: y)
        case "OKP":
            guard node["crv"]?.equals("Ed25519") == true, let x = number("x") else { return nil }
            return .ed25519(x: x)
        default:
            return nil
        }
    }
}

extension JSONWebKeySet {
    /// Most keys that are read of a set.
    package static let maximumKeys = 20

    /// Reads somebody else's set (RFC 7517 §5): keys that cannot be used here are passed over. Nil for what is no set, and
    /// for one of more than `maximumKeys`.
    package init?(_ node: JSONNode) {
        guard let keys = node["keys"], keys.isArray, keys.count <= Self.maximumKeys else { return nil }
        self.init(keys: keys.elements.compactMap { JSONWebKey($0) })
    }

    /// The keys that a message may have been signed with: those of its `kid`, or all where it names none.
    package func candidates(keyID: [UInt8]?) -> [JSONWebKey] {
        guard let keyID else { return keys }
        return keys.filter { $0.id.utf8.elementsEqual(keyID) }
    }
}
