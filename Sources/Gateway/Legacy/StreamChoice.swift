/// On which stream a message goes that the server sends by itself: on exactly one (c53).
///
/// Over stdio such a message does not say which call it serves. With a single POST waiting it is that one's; else the
/// GET stream is the neutral place; else the newest POST has the client's attention.
enum StreamChoice: Hashable {
    /// The POST stream with this number.
    case call(Int)
    /// The GET stream.
    case general
    /// There is none to put it on.
    case none

    /// Chooses for a question, or for a notification that may serve a call (log messages).
    static func forRequest(openCalls: some Collection<Int>, generalIsOpen: Bool) -> StreamChoice {
        if openCalls.count == 1, let only = openCalls.first { return .call(only) }
        if generalIsOpen { return .general }
        return openCalls.max().map { .call($0) } ?? .none
    }

    /// Chooses for a notification that serves no call (list changes, resource updates).
    static func forAnnouncement(openCalls: some Collection<Int>, generalIsOpen: Bool) -> StreamChoice {
        if generalIsOpen { return .general }
        return openCalls.max().map { .call($0) } ?? .none
    }
}
