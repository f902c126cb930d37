import OAuth

extension ProvenRedirect {
    /// Where the answer goes, as the consent page shows it: the host, or the scheme of an app on the device.
    var displayHost: String {
        if uri.isOutOfBand { return "you: a code is shown that you copy" }
        guard let host = uri.host, uri.isHTTP else { return "the app that opens \(uri.scheme): links" }
        return DisplayText.clean(host, limit: 253)
    }

    /// The answer goes to a program on the user's own machine: loopback, or an app's own scheme.
    var isLocal: Bool { uri.isLoopback || !uri.isHTTP }

    /// The source expression by which `form-action` lets a form's POST end at this redirect URI.
    ///
    /// The policy's grammar has no IPv6 literals and no place for other odd hosts: those are allowed by scheme. The server
    /// decides where a redirect goes; this only keeps the browser from stopping it.
    var formTarget: String {
        if uri.isOutOfBand { return "'self'" }
        guard uri.isHTTP, let origin = uri.origin, origin.utf8.allSatisfy(ProvenRedirect.isPlain) else {
            return uri.scheme + ":"
        }
        return origin
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: ":"),
            UInt8(ascii: "/"):
            true
        default: false
        }
    }
}
