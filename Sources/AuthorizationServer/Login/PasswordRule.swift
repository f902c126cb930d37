/// What a password must be (NIST SP 800-63B §5.1.1): long enough, not absurdly long, nothing else.
package enum PasswordRule {
    /// In characters.
    package static let minimumLength = 10
    /// In bytes: hashing is costly, so a peer cannot choose its price.
    package static let maximumBytes = 1024

    /// What is wrong with a password, in words for its owner; `nil` when nothing is.
    package static func problem(with password: String, name: String) -> String? {
        if password.count < minimumLength { return "The password needs at least \(minimumLength) characters." }
        if password.utf8.count > maximumBytes { return "The password is too long." }
        if password.utf8.contains(0) { return "The password contains a character that cannot be used." }
        if password.lowercased() == name.lowercased() { return "The password must not be the user name." }
        return nil
    }
}
