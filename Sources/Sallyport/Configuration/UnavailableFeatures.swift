/// Keys of the configuration whose feature comes in a later version.
///
/// Where leaving a key out of account would let somebody in, expose something or send a caller astray, the key is
/// refused. Where nothing but convenience is missing, the operator is told so.
struct UnavailableFeatures {
    let context: ConfigurationContext

    /// The keys at the root.
    func read(_ section: inout ConfigurationSection) {
        if let routing = section.value("routing"), let word = routing.string(), word != "path" {
            word == "subdomain"
                ? refuse(routing, "routing by subdomain", hint: "use path, which is the default")
                : routing.refuse("expected path or subdomain, found \"\(word)\"")
        }
        if var access = section.section("access") {
            for (key, value) in access.named() where Self.isSet(value) {
                refuse(value, "the access policy")
                _ = access.value(key)
            }
        }
        if var tracing = section.section("tracing") {
            if let endpoint = tracing.value("otlp_endpoint"), endpoint.string()?.isEmpty == false {
                endpoint.note("tracing is not yet available in this version")
            }
            tracing.finish()
        }
    }

    /// The keys of `oauth`.
    func readOAuth(_ section: inout ConfigurationSection) {
    }

    /// The keys of `rate_limits`.
    func readLimits(_ section: inout ConfigurationSection) {
        for key in ["per_user", "per_client"] {
            if let value = section.value(key) { refuse(value, "this rate limit") }
        }
    }

    private func refuse(_ value: ConfigurationValue, _ feature: String, hint: String? = nil) {
        value.refuse("\(feature) is not yet available in this version", hint: hint)
    }

    private static func isSet(_ value: ConfigurationValue) -> Bool {
        switch value.node.content {
        case .null: false
        case .scalar: true
        case .sequence(let elements): !elements.isEmpty
        case .mapping(let entries): !entries.isEmpty
        }
    }
}
