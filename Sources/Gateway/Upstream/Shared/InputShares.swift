import OAuth

/// Whose bytes wait for a server that several users share and that does not read its input, so that no user takes all the
/// room there is (P04, M10). Pure state.
///
/// A user may have as much waiting as is left free: one alone gets half of the room, two a third each, and a newcomer always
/// finds as much as the greediest has. What waits is taken in order, so that how much is left says whose it is.
struct InputShares {
    /// Below this nobody is counted: it is nothing to contend for.
    private static let uncontended = 256 << 10

    private let maximum: Int
    /// What was taken in, oldest first, from `first` on.
    private var entries: [(user: UserID, bytes: Int)] = []
    private var first = 0
    private var total = 0
    private var users: [UserID: Int] = [:]

    init(maximum: Int) {
        self.maximum = maximum
    }

    /// Whether `count` more bytes of `user` may wait, where `waiting` do; they count from then on.
    mutating func take(_ count: Int, of user: UserID, waiting: Int) -> Bool {
        forget(down: waiting)
        guard waiting + count > Self.uncontended else { return true }
        let own = users[user, default: 0]
        guard own + count <= maximum - max(total, waiting) else { return false }
        entries.append((user, count))
        users[user] = own + count
        total += count
        return true
    }

    /// Forgets what the server has read since.
    private mutating func forget(down waiting: Int) {
        while first < entries.count, total - entries[first].bytes >= waiting {
            let (user, bytes) = entries[first]
            first += 1
            total -= bytes
            let left = users[user, default: 0] - bytes
            users[user] = left > 0 ? left : nil
        }
        guard first > 0, first == entries.count || first >= 1024 else { return }
        entries.removeFirst(first)
        first = 0
    }
}
