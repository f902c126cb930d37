import Crypto

/// What a configuration is read for, and so which of its variables may be missing: the gateway's may come from where a command
/// cannot read, such as the `EnvironmentFile` of systemd.
///
/// In the place of such a variable stands a text that nobody knows and that is another one each time, so that a value which is
/// used by mistake opens nothing.
struct ConfigurationPurpose: Sendable {
    /// Keys below which variables may be missing; the empty key is the whole file.
    private var open: [String] = []
    /// Keys below which they may not, whatever `open` says.
    private var needed: [String] = []
    /// Whether everything counts that protects a gateway which serves.
    private(set) var isForServing = true
    /// More to do about one that is missing.
    private var advice = ""

    private init() {}

    /// To serve: everything is needed.
    static let serving = ConfigurationPurpose()

    /// `check`: the same.
    static let check = {
        var purpose = ConfigurationPurpose.serving
        purpose.advice = "; where the gateway alone has it: check --allow-unset"
        return purpose
    }()

    /// `check --allow-unset`: everything but the variables.
    static let review = {
        var purpose = ConfigurationPurpose.serving
        purpose.open = [""]
        return purpose
    }()

    /// For a command that works on the store. What says where the store is, how it is sealed, what becomes of the audit trail and
    /// how long things live is needed; how others are reached and how they prove themselves is not.
    static func administration(needing needed: [String] = []) -> ConfigurationPurpose {
        var purpose = ConfigurationPurpose.serving
        purpose.open = [
            "cors", "listen", "login", "metrics", "oauth.clients", "oauth.external_issuers",
            "oauth.identity_assertions",
            "protected_resources", "public_url", "rate_limits", "servers", "tls", "tracing", "trusted_proxies",
        ]
        purpose.needed = needed
        purpose.isForServing = false
        return purpose
    }

    /// For `health`, which asks the gateway where it listens.
    static let health = administration(needing: ["listen", "public_url", "tls.certificate", "tls.private_key"])

    /// For `token`: a key is for the address of a server.
    static let tokens = administration(needing: ["protected_resources", "public_url"])

    /// Whether the value at `path` may name a variable that is not set.
    func leavesOpen(_ path: ConfigurationPath) -> Bool { leavesOpen(path.description) }

    /// The same of a path that is text already.
    func leavesOpen(_ path: String) -> Bool {
        open.contains { Self.isWithin($0, path) } && !needed.contains { Self.isWithin($0, path) }
    }

    /// Everything lies within the empty key.
    private static func isWithin(_ key: String, _ path: String) -> Bool {
        key.isEmpty || path == key || path.hasPrefix("\(key).") || path.hasPrefix("\(key)[")
    }

    /// Whether the value at `key` is needed.
    func needs(_ key: String) -> Bool { isForServing || needed.contains(key) }

    /// What to do about a variable that is missing where it is needed.
    func hint(for variable: String) -> String {
        isForServing
            ? "set it, or give a default: ${\(variable):-value}\(advice)"
            : "this command needs it as the gateway does: set it, or keep the value in a file (file:PATH)"
    }

    /// What stands for a variable that is not set: fit for a secret, a name and a host.
    static func placeholder() -> String { "unset-\(SHA256.digest(Random.bytes(32)).hexadecimal.prefix(32))" }
}
