/// What a server says about itself (`INFO`).
struct RedisServerFacts: Sendable, Hashable {
    /// Differs after every start and on every server: whoever sees a new one talks to another memory.
    var runID = ""
    /// Like `7.0.15`.
    var version = ""
    /// `master` or `slave`.
    var role = ""
    /// Replicas that are connected to it.
    var replicas = 0
    /// Whether it still reads its files.
    var isLoading = false
    /// Whether it writes an append-only file.
    var hasAppendOnlyFile = false
    /// What it does when its memory is full.
    var evictionPolicy = ""

    /// Reads the lines `name:value`.
    init(_ text: String) {
        var facts: [Substring: Substring] = [:]
        for line in text.split(whereSeparator: \.isNewline) {
            guard let colon = line.firstIndex(of: ":") else { continue }
            facts[line[..<colon]] = line[line.index(after: colon)...]
        }
        runID = String(facts["run_id"] ?? "")
        version = String(facts["redis_version"] ?? "")
        role = String(facts["role"] ?? "")
        replicas = facts["connected_slaves"].flatMap { Int($0) } ?? 0
        isLoading = facts["loading"] == "1"
        hasAppendOnlyFile = facts["aof_enabled"] == "1"
        evictionPolicy = String(facts["maxmemory_policy"] ?? "")
    }

    /// The first number of the version; 0 when it says nothing.
    var majorVersion: Int { version.split(separator: ".").first.flatMap { Int($0) } ?? 0 }
}
