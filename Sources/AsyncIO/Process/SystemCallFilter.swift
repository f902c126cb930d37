import CLibUV
import Glibc

/// Which system calls a confined process must do without (seccomp): what would lead around ``Landlock``, what it does
/// not cover, and sockets of the network.
///
/// A classic BPF program: each rule compares the number of the call and decides; what no rule knows is allowed.
package struct SystemCallFilter {
    /// Whether the numbers of the calls are known here.
    static var isKnownArchitecture: Bool { sp_architecture != 0 }

    private var program: [sock_filter] = []

    /// - Parameters:
    ///   - network: whether sockets other than unix sockets may be made.
    ///   - landlock: the version of Landlock that stands beside it.
    ///   - protected: processes that it must not signal; for kernels whose Landlock does not see to that.
    package init(network: Bool, landlock: Int32 = Landlock.version, protected: [Int32] = []) {
        refuseForeignCalls()
        forbidWaysAround()
        forbidOtherProcesses()
        if !network {
            // Also those of Bluetooth, virtual machines, the kernel's cryptography; socketpair makes unix sockets only,
            // but of other families in later kernels.
            deny(sp_SYS_socket, unless: UInt32(AF_UNIX), EACCES)
            deny(sp_SYS_socketpair, unless: UInt32(AF_UNIX), EACCES)
        }
        if landlock < 3 { forbidTruncating() }
        if landlock < 6 { protect(protected) }
        allow()
    }

    /// Puts the filter on this thread and everything it starts; needs `no_new_privs`.
    package func install() throws(IOError) {
        let result = unsafe program.withUnsafeBufferPointer { buffer in
            unsafe sp_filter_system_calls(buffer.baseAddress, UInt16(clamping: buffer.count))
        }
        guard result == 0 else { throw .last }
    }

    // MARK: Rules

    /// Calls by another door (32 bits, x32) have other numbers.
    private mutating func refuseForeignCalls() {
        load(4)
        append(.jumpIfEqual, sp_architecture, yes: 1, no: 0)
        append(.return, Self.killProcess)
        load(0)
        append(.jumpIfAtLeast, 0x4000_0000, yes: 0, no: 1)
        append(.return, Self.failure(ENOSYS))
    }

    /// What opens files, sockets or namespaces past the rules, and doors of the kernel that no server needs.
    private mutating func forbidWaysAround() {
        let calls = [
            sp_SYS_open_by_handle_at, sp_SYS_mount, sp_SYS_umount2, sp_SYS_pivot_root, sp_SYS_chroot, sp_SYS_unshare,
            sp_SYS_setns, sp_SYS_open_tree, sp_SYS_move_mount, sp_SYS_fsopen, sp_SYS_fsmount, sp_SYS_mount_setattr,
            sp_SYS_bpf, sp_SYS_perf_event_open, sp_SYS_keyctl, sp_SYS_add_key, sp_SYS_request_key,
            sp_SYS_init_module, sp_SYS_finit_module, sp_SYS_delete_module, sp_SYS_kexec_load, sp_SYS_reboot,
            sp_SYS_swapon, sp_SYS_swapoff, sp_SYS_acct, sp_SYS_quotactl, sp_SYS_syslog, sp_SYS_userfaultfd,
        ]
        for call in calls { deny(call, EPERM) }
        // Its operations pass no filter. Absent is what callers are prepared for, as with clone3, whose flags lie in
        // memory where no filter sees them.
        for call in [sp_SYS_io_uring_setup, sp_SYS_io_uring_enter, sp_SYS_io_uring_register, sp_SYS_clone3] {
            deny(call, ENOSYS)
        }
        // A user namespace of its own would bring capabilities back.
        let namespaces: UInt32 = 0x7e02_0000
        deny(sp_SYS_clone, anyBitOf: namespaces, EPERM)
    }

    /// Other processes of the same account are none of its business, and Landlock does not cover all of this.
    private mutating func forbidOtherProcesses() {
        for call in [
            sp_SYS_ptrace, sp_SYS_process_vm_readv, sp_SYS_process_vm_writev, sp_SYS_kcmp, sp_SYS_pidfd_getfd,
        ] { deny(call, EPERM) }
        // Of itself is 0.
        for call in [
            sp_SYS_prlimit64, sp_SYS_sched_setaffinity, sp_SYS_sched_setscheduler, sp_SYS_sched_setparam,
            sp_SYS_sched_setattr,
        ] { deny(call, unless: 0, EPERM) }
        for call in [sp_SYS_setpriority, sp_SYS_ioprio_set] { deny(call, argument: 1, unless: 0, EPERM) }
    }

    /// Before Landlock 3 nothing but the account protects content from being cut off.
    private mutating func forbidTruncating() {
        deny(sp_SYS_truncate, EACCES)
        // Cutting off while opening for reading: Landlock sees the reading only.
        let mask = UInt32(O_TRUNC | O_ACCMODE)
        deny(sp_SYS_openat, argument: 2, masked: mask, equals: UInt32(O_TRUNC), EACCES)
        if sp_SYS_open >= 0 {
            deny(sp_SYS_open, argument: 1, masked: mask, equals: UInt32(O_TRUNC), EACCES)
        }
        deny(sp_SYS_openat2, ENOSYS)
    }

    /// Before Landlock 6 signals reach every process of the same account: at least not these, and not all at once.
    private mutating func protect(_ processes: [Int32]) {
        let values = (processes + processes.map { -$0 } + [-1]).map { UInt32(bitPattern: $0) }
        for call in [
            sp_SYS_kill, sp_SYS_tgkill, sp_SYS_rt_sigqueueinfo, sp_SYS_rt_tgsigqueueinfo, sp_SYS_pidfd_open,
        ] { deny(call, anyOf: values, EPERM) }
        // By a thread's number alone, of which the gateway has many.
        deny(sp_SYS_tkill, EPERM)
    }

    // MARK: Steps

    private static let killProcess: UInt32 = 0x8000_0000
    private static func failure(_ code: Int32) -> UInt32 { 0x0005_0000 | UInt32(code) }

    private mutating func deny(_ call: Int32, _ code: Int32) {
        onCall(call, [.init(.return, Self.failure(code))])
    }

    private mutating func deny(_ call: Int32, argument: Int = 0, unless value: UInt32, _ code: Int32) {
        onCall(
            call,
            [
                Self.loadArgument(argument), .init(.jumpIfEqual, value, yes: 1, no: 0),
                .init(.return, Self.failure(code)), .init(.return, Self.allowed),
            ])
    }

    private mutating func deny(_ call: Int32, anyOf values: [UInt32], _ code: Int32) {
        var steps = [Self.loadArgument(0)]
        for value in values {
            steps += [.init(.jumpIfEqual, value, yes: 0, no: 1), .init(.return, Self.failure(code))]
        }
        onCall(call, steps + [.init(.return, Self.allowed)])
    }

    private mutating func deny(_ call: Int32, anyBitOf mask: UInt32, _ code: Int32) {
        onCall(
            call,
            [
                Self.loadArgument(0), .init(.jumpIfAnyBit, mask, yes: 0, no: 1), .init(.return, Self.failure(code)),
                .init(.return, Self.allowed),
            ])
    }

    private mutating func deny(
        _ call: Int32, argument: Int, masked mask: UInt32, equals value: UInt32, _ code: Int32
    ) {
        onCall(
            call,
            [
                Self.loadArgument(argument), .init(.and, mask), .init(.jumpIfEqual, value, yes: 0, no: 1),
                .init(.return, Self.failure(code)), .init(.return, Self.allowed),
            ])
    }

    private mutating func allow() { append(.return, Self.allowed) }

    /// `steps` for one call; they decide, so the number is never needed again.
    private mutating func onCall(_ call: Int32, _ steps: [Step]) {
        append(.jumpIfEqual, UInt32(bitPattern: call), yes: 0, no: UInt8(steps.count))
        for step in steps { append(step.operation, step.value, yes: step.yes, no: step.no) }
    }

    private mutating func load(_ offset: UInt32) { append(.load, offset) }

    private static let allowed: UInt32 = 0x7fff_0000

    /// The lower half of an argument: numbers of processes, families and flags have 32 bits. Little-endian.
    private static func loadArgument(_ index: Int) -> Step { Step(.load, UInt32(16 + 8 * index)) }

    private enum Operation: UInt16 {
        case load = 0x20
        case and = 0x54
        case jumpIfEqual = 0x15
        case jumpIfAtLeast = 0x35
        case jumpIfAnyBit = 0x45
        case `return` = 0x06
    }

    private struct Step {
        let operation: Operation
        let value: UInt32
        let yes: UInt8
        let no: UInt8

        init(_ operation: Operation, _ value: UInt32, yes: UInt8 = 0, no: UInt8 = 0) {
            self.operation = operation
            self.value = value
            self.yes = yes
            self.no = no
        }
    }

    private mutating func append(_ operation: Operation, _ value: UInt32, yes: UInt8 = 0, no: UInt8 = 0) {
        program.append(sock_filter(code: operation.rawValue, jt: yes, jf: no, k: value))
    }
}
