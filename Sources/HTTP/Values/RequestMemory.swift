/// What handlers found out about a head from its bytes alone, kept for as long as the connection sends the same head.
///
/// One for each distinct head of a connection; confined to that connection's loop. Only what follows from the head, the
/// connection and the configuration may be noted here: nothing that time, a store or another request could change.
// SAFETY: made with a request and used by its handler on the connection's loop, one request at a time.
package final class RequestMemory: @unchecked Sendable {
    private var notes: [AnyObject] = []

    init() {}

    /// The note of this kind, if there is one.
    package func noted<Note: AnyObject & Sendable>(_: Note.Type) -> Note? {
        // Notes are final classes, so that comparing the class is enough; a cast would cost more than most notes save.
        for note in notes where ObjectIdentifier(type(of: note)) == ObjectIdentifier(Note.self) {
            return unsafe unsafeDowncast(note, to: Note.self)
        }
        return nil
    }

    /// The note of this kind; made by `make` when there is none yet.
    package func note<Note: AnyObject & Sendable>(_ make: () -> Note) -> Note {
        if let known = noted(Note.self) { return known }
        let made = make()
        notes.append(made)
        return made
    }
}
