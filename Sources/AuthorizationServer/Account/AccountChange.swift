/// What a form of the account page does; also in the address afterwards, so that the page can say that it is done.
enum AccountChange: String {
    case grant, key, session, password
    case otherSessions = "other-sessions"

    /// What the page says afterwards.
    var message: String {
        switch self {
        case .grant: "The application has no access any more."
        case .key: "The key does not work any more."
        case .session: "That browser is signed out."
        case .otherSessions: "Every other browser is signed out."
        case .password: "The password is changed, and every other browser is signed out."
        }
    }
}
