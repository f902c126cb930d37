/// What differs between those who use a remote server.
package struct StreamableHTTPSettings: Sendable {
    /// Longest message of the server.
    package var maximumMessage = 16 << 20
    /// How long the server may take to accept a message that is no request.
    package var acceptTimeout = Duration.seconds(30)
    /// How long another session may take to begin in the place of one that is gone, with all that it must be told.
    package var renewalTimeout = Duration.seconds(30)
    /// How long it may take to hear that a session is over.
    package var farewellTimeout = Duration.seconds(5)
    /// The time before a stream that broke is resumed, where the server says nothing about it.
    package var resumptionDelay = Duration.seconds(1)
    /// Attempts to resume a stream that bring nothing new.
    package var resumptions = 5

    package init() {}
}
