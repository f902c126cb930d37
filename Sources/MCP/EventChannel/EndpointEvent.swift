import HTTP

/// What the event `endpoint` of 2024-11-05 says: a reference to the address of the messages.
enum EndpointEvent {
    /// The address that `reference` means below `base` (RFC 3986 §5.2, without what no server writes); nil where it leads to
    /// another origin, which would get our credential and every message (d10).
    static func address(_ reference: [UInt8], from base: HTTPURL) -> HTTPURL? {
        guard let text = String(validating: reference, as: UTF8.self), !text.isEmpty, !text.hasPrefix("//") else {
            return nil
        }
        let whole: String
        if text.prefix(while: { !"/?#".contains($0) }).contains(":") {
            whole = text
        } else if text.hasPrefix("/") {
            whole = base.origin + text
        } else if text.hasPrefix("?") {
            whole = base.origin + base.path + text
        } else {
            whole = base.origin + "/" + base.path.split(separator: "/").dropLast().map { "\($0)/" }.joined() + text
        }
        guard let address = try? HTTPURL(whole), address.origin.utf8.elementsEqual(base.origin.utf8),
            address.fragment == nil
        else { return nil }
        return address
    }
}
