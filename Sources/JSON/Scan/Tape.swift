/// One value of a scanned text: where it stands and where the next one begins.
///
/// The tape is in document order; an object's children alternate key, value.
struct TapeEntry {
    enum Kind: UInt8 {
        case object, array, string, escapedString, integer, number, `true`, `false`, null
    }

    /// First byte of the value's text.
    var start: UInt32
    /// First byte after it.
    var end: UInt32
    /// Tape index of what follows this value and everything in it.
    var next: UInt32
    /// Members of an object, elements of an array.
    var count: UInt32
    var kind: Kind
}
