import AsyncIO
import Crypto
import HTTP
import Telemetry

/// Shows a running gateway that a request comes from a command of its operator: from somebody who may read the key in its data
/// directory, and has everything already.
///
/// A seal is for one method and one target, and good for half a minute. Whoever overhears one can ask the same once more.
struct OperatorSeal: Sendable {
    /// The head that carries it.
    static let name = "Sallyport-Operator"

    private static let field: HTTPFieldName = "sallyport-operator"

    private static let validity: Int64 = 30_000

    private let key: SealingKey

    init(_ sealing: SealingKey) {
        key = sealing.derived(for: "operator")
    }

    /// What a request says, made at `now`.
    func text(for method: HTTPMethod, _ target: String, at now: Timestamp) -> String {
        let time = String(now.millisecondsSinceEpoch)
        return "\(time).\(Base64URL.encode(code(time, method, target)))"
    }

    /// Whether a request has a good one.
    func admits(_ request: HTTPRequest, at now: Timestamp) -> Bool {
        guard request.fields.count(of: Self.field) == 1, let text = request.fields[Self.field] else { return false }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].utf8.count <= 15, let time = Int64(parts[0]),
            abs(now.millisecondsSinceEpoch - time) <= Self.validity,
            let shown = Base64URL.decode(Array(parts[1].utf8))
        else { return false }
        let target = request.path + (request.query.map { "?\($0)" } ?? "")
        return ConstantTime.equals(shown, code(String(parts[0]), request.method, target))
    }

    private func code(_ time: String, _ method: HTTPMethod, _ target: String) -> [UInt8] {
        key.code(over: Array("\(time) \(method.rawValue) \(target)".utf8))
    }
}
