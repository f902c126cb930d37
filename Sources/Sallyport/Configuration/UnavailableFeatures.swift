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
    }

    private func refuse(_ value: ConfigurationValue, _ feature: String, hint: String? = nil) {
        value.refuse("\(feature) is not yet available in this version", hint: hint)
    }
}
