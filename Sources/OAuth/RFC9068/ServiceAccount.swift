/// RFC 9068 §2.2: where no user is involved, `sub` names the client; §5 warns that a client must not be able to choose a
/// `sub` that is somebody's. The prefix keeps the two apart: no user's identifier has a colon.
extension UserID {
    private static let prefix = "client:"

    /// The principal that `client` is when it acts for itself.
    package init(serviceAccount client: ClientID) {
        self.init(Self.prefix + client.value)
    }

    /// Whether this is a client acting for itself.
    package var isServiceAccount: Bool { value.utf8.starts(with: Self.prefix.utf8) }
}
