/// What happens when a server changes the definition of a tool: `pin` of its configuration.
package enum PinMode: String, Sendable, Hashable, CaseIterable {
    /// Nothing; nobody looks.
    case off
    /// It is told. What is seen first counts as approved.
    case report
    /// It is told, and clients neither see nor reach the tool until an operator has approved it. The same for a tool that
    /// nobody has approved yet.
    case enforce
}
