package import AsyncIO
package import HTTP
import OAuth

/// Fetches the documents of clients over HTTPS, each kind by a client of its own with its own policy.
package struct HTTPDocumentFetcher: PeerDocumentFetcher {
    private static let maximumKeySetBytes = 64 * 1024

    private let metadata: HTTPClient
    private let keys: HTTPClient
    private let configuredKeys: HTTPClient

    /// Addresses that clients name must be public, or within `additional`. `certificateAuthorities` is a PEM file that counts
    /// instead of the system's.
    package init(on loop: EventLoop, additional: [CIDR] = [], certificateAuthorities: String? = nil) {
        func client(_ addresses: EgressPolicy.Addresses, maximumBytes: Int) -> HTTPClient {
            HTTPClient(
                on: loop,
                policy: EgressPolicy(
                    addresses: addresses, allowsPlainHTTP: false, maximumBodyBytes: maximumBytes,
                    connectTimeout: .seconds(3), totalTimeout: .seconds(5),
                    certificateAuthorities: certificateAuthorities))
        }
        let peers: EgressPolicy.Addresses = additional.isEmpty ? .publicOnly : .publicOr(additional)
        metadata = client(peers, maximumBytes: ClientMetadataDocument.maximumBytes)
        keys = client(peers, maximumBytes: Self.maximumKeySetBytes)
        configuredKeys = client(.any, maximumBytes: Self.maximumKeySetBytes)
    }

    package func fetch(_ url: HTTPURL, as kind: PeerDocumentKind) async throws(PeerDocumentError) -> PeerDocument {
        let client: HTTPClient
        let limit: Int
        switch kind {
        case .clientMetadata: (client, limit) = (metadata, ClientMetadataDocument.maximumBytes)
        case .clientKeys: (client, limit) = (keys, Self.maximumKeySetBytes)
        case .configuredClientKeys: (client, limit) = (configuredKeys, Self.maximumKeySetBytes)
        }
        var fields = HTTPFields()
        fields.append("Accept", "application/json")
        let request = HTTPClientRequest(url: url, fields: fields)
        let response: HTTPClientResponse
        do throws(HTTPClientError) { response = try await client.send(request) } catch {
            throw PeerDocumentError(error)
        }
        try Self.check(response)
        do throws(HTTPClientError) {
            let bytes = try await response.body.collect(upTo: limit)
            return PeerDocument(bytes: bytes, lifetime: CacheLifetime.of(response.fields))
        } catch {
            throw PeerDocumentError(error)
        }
    }

    private static func check(_ response: HTTPClientResponse) throws(PeerDocumentError) {
        // A redirect is any other status too: it is not followed and not believed.
        guard response.status == .ok else {
            let words = "status \(response.status.code)"
            throw response.status.code >= 500 ? .unreachable(words) : .refused(words)
        }
        let type = (response.fields["content-type"] ?? "").utf8.prefix { $0 != 0x3B && $0 != 0x20 }
        let name = String(Substring(type)).lowercased()
        guard name == "application/json" || name.hasPrefix("application/") && name.hasSuffix("+json") else {
            throw .refused("not JSON by its content type")
        }
    }
}

extension PeerDocumentError {
    /// What a failed request means for whoever needs the document.
    fileprivate init(_ error: HTTPClientError) {
        switch error.code {
        case .refused, .tooLarge, .invalidResponse: self = .refused(error.description)
        case .unresolved, .connectFailed, .tlsFailed, .timeout, .disconnected: self = .unreachable(error.description)
        case .busy: self = .limited(seconds: 5)
        case .cancelled: self = .cancelled
        }
    }
}
