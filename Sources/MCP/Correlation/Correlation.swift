/// Which answer belongs to which caller, for the requests that go to one server over one pipe.
///
/// Every request gets a number of our own, never used twice on that pipe, which is its id and its progress token
/// towards the server; the caller's id and token are kept as text and restored exactly (M05). Pure state: events go in,
/// what is to be done comes out.
public struct Correlation<Caller> {
    /// A request without an answer.
    public struct Entry {
        /// The id and the progress token of the request towards the server.
        public let number: Int
        /// The caller's id.
        public let id: JSONRPCID
        /// The caller's progress token.
        public let progressToken: [UInt8]?
        public var caller: Caller

        @usableFromInline init(number: Int, id: JSONRPCID, progressToken: [UInt8]?, caller: Caller) {
            self.number = number
            self.id = id
            self.progressToken = progressToken
            self.caller = caller
        }
    }

    // Inlinable: the table is on the path of every call, and its users specialise it. Public, with the id that it keeps, for
    // the same reason: what is `package` the compiler does not specialise in another module.
    @usableFromInline var entries: [Int: Entry] = [:]
    @usableFromInline var lastNumber = 0

    @inlinable public init() {}

    /// How many requests wait.
    @inlinable public var count: Int { entries.count }

    /// The requests that wait, in no particular order.
    @inlinable public var open: some Collection<Entry> { entries.values }

    /// Takes a request and numbers it.
    @inlinable public mutating func begin(_ id: JSONRPCID, progressToken: [UInt8]?, caller: Caller) -> Int {
        lastNumber += 1
        entries[lastNumber] = Entry(number: lastNumber, id: id, progressToken: progressToken, caller: caller)
        return lastNumber
    }

    /// A number for a request that nobody but us waits for.
    @inlinable public mutating func reserve() -> Int {
        lastNumber += 1
        return lastNumber
    }

    /// The server answered `number`: who asked. Nil for an answer that nobody waits for, or no longer.
    @inlinable public mutating func finish(_ number: Int) -> Entry? {
        entries.removeValue(forKey: number)
    }

    /// Who gets progress for `number`; nil where the caller did not ask for it.
    @inlinable public func progress(_ number: Int) -> Entry? {
        guard let entry = entries[number], entry.progressToken != nil else { return nil }
        return entry
    }

    /// The request `number`, while it waits.
    @inlinable public subscript(number: Int) -> Entry? { entries[number] }

    /// The caller of `number` goes on waiting under another id (2026-07-28, multi round-trip requests).
    @inlinable public mutating func rename(_ number: Int, to id: JSONRPCID, progressToken: [UInt8]?) {
        guard let old = entries[number] else { return }
        entries[number] = Entry(number: number, id: id, progressToken: progressToken, caller: old.caller)
    }

    /// The newest waiting request that the caller knows as `id`.
    @inlinable public func newest(_ id: JSONRPCID) -> Entry? {
        entries.values.filter { $0.id == id }.max { $0.number < $1.number }
    }

    /// Changes what is noted of the requests that wait.
    @inlinable public mutating func update(_ body: (inout Caller) -> Void) {
        for (number, entry) in entries {
            var entry = entry
            body(&entry.caller)
            entries[number] = entry
        }
    }

    /// Every request that still waits, oldest first; nobody waits afterwards.
    @inlinable public mutating func finishAll() -> [Entry] {
        defer { entries.removeAll() }
        return entries.values.sorted { $0.number < $1.number }
    }

    /// Removes and returns the requests for which `predicate` holds, oldest first.
    @inlinable public mutating func finish(where predicate: (Entry) -> Bool) -> [Entry] {
        let found = entries.values.filter(predicate).sorted { $0.number < $1.number }
        for entry in found { entries.removeValue(forKey: entry.number) }
        return found
    }
}
