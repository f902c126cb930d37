import CLibUV
import Glibc
import Synchronization

/// Processes whose launcher was killed, so that nobody sweeps them (P07).
///
/// While the gateway lives they become its children, because it is a subreaper too; where both were killed the next
/// gateway finds them by a mark in their environment, and those that have limits of a group by that group.
package enum Orphans {
    private struct State {
        var launchers: [Int32: ControlGroup?] = [:]
    }

    // One lock around a whole launch, on threads of the pool: a launcher that is not noted yet would be taken for
    // an orphan.
    private static let state = Mutex(State())
    private static let isAdopting = Atomic(false)

    /// How long killed processes may take to vanish.
    private static let patience: UInt64 = 5_000_000_000
    /// The variable that marks what a gateway started: its number and its beginning.
    private static let variable = "SALLYPORT_GATEWAY"

    /// From now on orphans become children of this process and are killed, and children are marked. Only for a process
    /// that starts all its children through ``ChildProcess``: others would be taken for orphans. Kills what an earlier
    /// gateway left; blocking.
    package static func adopt() {
        isAdopting.store(true, ordering: .relaxed)
        sp_become_subreaper()
        killAbandoned()
        ControlGroups.prepare()
        PrivateFolder.removeAbandoned(below: LaunchedProcess.temporaryFolder)
    }

    // MARK: While the gateway lives

    /// Starts a launcher and notes its number, and the group that it is to make.
    static func starting(_ group: ControlGroup?, _ launch: () throws(IOError) -> Int32) throws(IOError) -> Int32 {
        let result: Result<Int32, IOError> = state.withLock { state in
            do throws(IOError) {
                let launcher = try launch()
                state.launchers.updateValue(group, forKey: launcher)
                return .success(launcher)
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// A launcher was reaped. One that did not end by itself has left its tree to us.
    static func launcherEnded(_ launcher: Int32, status: Int32) {
        let (mustSweep, group) = state.withLock { state in
            let group = state.launchers.removeValue(forKey: launcher) ?? nil
            return (isAdopting.load(ordering: .relaxed) && status != 0, group)
        }
        guard mustSweep else { return }
        // When the pool is full the next one that ends badly sweeps for this one too.
        _ = BlockingExecutor.shared.submit {
            group?.kill()
            sweep()
            group?.clear(within: ControlGroups.patience)
        }
    }

    /// Kills all children that are no launchers, again and again: the children of those become ours then. Nobody else
    /// reaps them, so no number is ever a stranger's.
    private static func sweep() {
        let end = uv_hrtime() + patience
        while uv_hrtime() < end {
            let remain = state.withLock { state in
                let orphans = ProcFS.ownChildren().filter {
                    !state.launchers.keys.contains($0) && $0 != LauncherTemplate.process
                }
                for orphan in orphans {
                    kill(orphan, SIGKILL)
                    _ = waitpid(orphan, nil, WNOHANG)
                }
                return !orphans.isEmpty
            }
            if !remain { return }
            usleep(5000)
        }
    }

    // MARK: After a gateway

    /// What children get in their environment beside what was configured; nothing where orphans are not our business.
    static var mark: [String] {
        guard isAdopting.load(ordering: .relaxed), let beginning = ProcFS.beginning(of: getpid()) else { return [] }
        return ["\(variable)=\(getpid()):\(beginning)"]
    }

    /// Kills the marked processes whose gateway does not live any more.
    private static func killAbandoned() {
        for pid in ProcFS.processes() where isAbandoned(pid) {
            let descriptor = sp_pidfd_open(pid)
            guard descriptor >= 0 else { continue }
            // The number may have become another's before it was opened.
            if isAbandoned(pid) { sp_pidfd_signal(descriptor, SIGKILL) }
            _ = Glibc.close(descriptor)
        }
    }

    private static func isAbandoned(_ pid: Int32) -> Bool {
        // What cannot be read is another user's, or gone.
        guard pid != getpid(), let environment = try? FileSystem.readFile("/proc/\(pid)/environ"),
            let entry = environment.split(separator: 0).first(where: { $0.starts(with: Array("\(variable)=".utf8)) }),
            isInOurNamespace(pid)
        else { return false }
        let parts = entry.dropFirst(variable.utf8.count + 1).split(separator: UInt8(ascii: ":"))
        guard parts.count == 2, let gateway = ProcFS.number(parts[0]) else { return false }
        return ProcFS.beginning(of: gateway) != String(decoding: parts[1], as: UTF8.self)
    }

    /// In a container the numbers mean other processes: its gateway is not ours to judge.
    private static func isInOurNamespace(_ pid: Int32) -> Bool {
        var (ours, theirs) = (stat(), stat())
        guard unsafe stat("/proc/self/ns/pid", &ours) == 0, unsafe stat("/proc/\(pid)/ns/pid", &theirs) == 0 else {
            return false
        }
        return ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino
    }
}
