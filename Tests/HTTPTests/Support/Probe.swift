@testable import HTTP

/// What the parser and admission together make of bytes.
enum Verdict: Equatable, CustomStringConvertible {
    case admitted(method: String, path: String, query: String?, authority: String, fields: [String], content: [UInt8])
    case refused(Int)
    case incomplete

    var description: String {
        switch self {
        case .admitted(let method, let path, _, _, _, let content): "admitted \(method) \(path) \(content.count)"
        case .refused(let status): "refused \(status)"
        case .incomplete: "incomplete"
        }
    }

    var isRefused: Bool {
        if case .refused = self { return true }
        return false
    }

    var isAdmitted: Bool {
        if case .admitted = self { return true }
        return false
    }
}

/// Feeds one request to a parser in pieces, as a connection does.
struct Probe {
    var limits = HTTPLimits()

    func judge(_ text: String, cuts: [Int] = []) -> Verdict {
        judge(Array(text.utf8), cuts: cuts)
    }

    func judge(_ bytes: [UInt8], cuts: [Int] = []) -> Verdict {
        let parser = RequestParser(limits: limits)
        var admission = Admission()
        var head: AdmittedHead?
        var content: [UInt8] = []
        var rest: [UInt8] = []
        let bounds = [0] + cuts + [bytes.count]
        for (start, end) in zip(bounds, bounds.dropFirst()) {
            rest += bytes[start..<end]
            while true {
                let (step, consumed) = parser.feed(rest[...])
                switch step {
                case .content(let range): content += rest[range]
                case .head:
                    do throws(HTTPRefusal) { head = try admission.admit(parser.takeHead()) } catch {
                        return .refused(error.status.code)
                    }
                case .end: return admitted(head, content)
                case .refused(let refusal): return .refused(refusal.status.code)
                case .needMore: break
                }
                rest.removeFirst(consumed)
                if case .needMore = step { break }
            }
        }
        return .incomplete
    }

    private func admitted(_ head: AdmittedHead?, _ content: [UInt8]) -> Verdict {
        guard let head else { return .incomplete }
        return .admitted(
            method: head.method.rawValue, path: head.target.path, query: head.target.query, authority: head.authority,
            fields: head.fields.map { "\($0.name): \($0.value)" }, content: content)
    }

    /// Whole, byte by byte and cut in two at every place must agree.
    func agree(_ bytes: [UInt8]) -> Verdict? {
        let whole = judge(bytes)
        guard judge(bytes, cuts: Array(bytes.indices.dropFirst())) == whole else { return nil }
        for cut in bytes.indices.dropFirst() where judge(bytes, cuts: [cut]) != whole { return nil }
        return whole
    }
}

/// A request around what is tested.
func request(_ lines: String..., content: String = "") -> String {
    "POST /a HTTP/1.1\r\nHost: localhost\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n" + content
}
