import AsyncIO
import OAuth

// What happens when all places are taken (P05).
extension ServerSupervisor {
    /// Takes a place. Where there is none left, a user who has fewer sessions than another gets that of the other's that was
    /// not used for the longest time; no call is cut off for it.
    func takePlace(for user: UserID) async throws(SpawnRefusal) {
        do throws(SpawnRefusal) {
            try slots.take(server, for: user)
        } catch {
            guard error == .capacity, await makeRoom(for: user) else { throw error }
            try slots.take(server, for: user)
        }
    }

    private func makeRoom(for user: UserID) async -> Bool {
        // With room at the server it is all of them together that are too many.
        let isFull = !slots.hasRoom(server)
        let sessions = surroundings.directory.all.filter {
            isFull ? $0.server.name == server.name : $0.server.isProcessPerSession
        }
        let holders = Dictionary(grouping: sessions, by: \.principal.user)
        // One more than the newcomer would have: nobody takes back what was taken.
        let least = (holders[user]?.count ?? 0) + 2
        let greedy = holders.values.filter { $0.count >= least }.sorted { $0.count > $1.count }
        for held in greedy {
            var unused: [(session: LegacySession, since: LoopInstant)] = []
            for session in held {
                if let since = await session.unusedSince { unused.append((session, since)) }
            }
            for (session, since) in unused.sorted(by: { $0.since < $1.since }) {
                if await session.makeRoom(unusedSince: since) { return true }
            }
        }
        return false
    }
}
