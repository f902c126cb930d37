/// What came of retiring a signing key.
package enum KeyRetirement: Sendable, Hashable {
    case retired
    /// It signs, and no other trusted key of its algorithm may sign yet: it stays.
    case onlyKey
    /// There is no trusted key of this name.
    case unknown
}
