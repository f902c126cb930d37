import CLibUV
import Glibc

/// The last steps before a program runs: another account, no privileges, and the sandbox. For the process that becomes
/// the program; a step that fails ends it.
struct Confinement {
    typealias Failure = (step: LauncherMessage.Step, code: Int32)

    let user: SystemUser.Numbers?
    let sandbox: ChildProcess.Sandbox?
    /// What the program needs beside what was named: its own files to read, its folders to write.
    let reading: [String]
    let writing: [String]
    let launcher: Int32
    let gateway: Int32

    /// Nil when all of it holds. The order is what makes it possible: each step takes away what the ones before need.
    func enforce() -> Failure? {
        guard let sandbox else {
            if let failure = becomeUser() { return failure }
            return sp_no_new_privileges() == 0 ? nil : (.privileges, errno)
        }
        do throws(IOError) {
            // Paths are opened by the gateway's account, to which alone folders on the way may be open.
            let rules = try rules(sandbox)
            sp_bound_capabilities()
            if let failure = becomeUser() { return failure }
            guard sp_drop_capabilities() == 0, sp_no_new_privileges() == 0 else { return (.privileges, errno) }
            try rules.enforce()
        } catch {
            return (.landlock, error.code)
        }
        do throws(IOError) {
            try SystemCallFilter(network: sandbox.network, protected: [launcher, gateway]).install()
        } catch {
            return (.filter, error.code)
        }
        return nil
    }

    private func rules(_ sandbox: ChildProcess.Sandbox) throws(IOError) -> Landlock {
        let rules = try Landlock(network: sandbox.network)
        for path in ChildProcess.Sandbox.systemPaths + reading + sandbox.read { try rules.allowReading(path) }
        for path in ChildProcess.Sandbox.devices { try rules.allowDevice(path) }
        for path in writing + sandbox.write { try rules.allowWriting(path) }
        return rules
    }

    private func becomeUser() -> Failure? {
        guard let user, geteuid() != user.user || getuid() != user.user else { return nil }
        guard unsafe sp_become(user.user, user.group, user.groups, user.groups.count) == 0 else {
            return (.user, errno)
        }
        // The kernel forgets this wish when the account changes.
        sp_die_with_parent()
        if getppid() != launcher { _exit(127) }
        return nil
    }
}
