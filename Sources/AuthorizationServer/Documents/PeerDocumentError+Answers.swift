import OAuth

extension AuthorizationRefusal {
    /// What a user is told when the document of a client is missing.
    init(_ error: PeerDocumentError) {
        switch error {
        case .refused: self = .unreadableClient
        case .unreachable, .cancelled: self = .unreachableClient
        case .limited(let seconds): self = .tooManyRequests(seconds: seconds)
        }
    }
}

extension OAuthError {
    /// What a client is told when its document is missing. One that cannot be reached is no reason to forget the client.
    init(_ error: PeerDocumentError) {
        switch error {
        case .refused: self.init(.invalidClient, "the document or the keys of the client are not accepted")
        case .unreachable, .limited, .cancelled:
            self.init(.temporarilyUnavailable, "the document or the keys of the client cannot be fetched right now")
        }
    }
}
