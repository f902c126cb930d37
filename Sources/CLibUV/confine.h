#pragma once
// The kernel's side of a sandbox: Landlock, seccomp, capabilities, for which glibc has no functions.
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

// Landlock. Its numbers are the same on every architecture; the constants are written out where they are used because the
// headers of Debian 12 are older than most of them.

/// The version of Landlock that the kernel has; -1 with ENOSYS or EOPNOTSUPP where it has none.
static inline int sp_landlock_version(void) { return (int)syscall(444, NULL, 0, 1U); }
/// A rule set that forbids what is named, except where a rule allows it.
static inline int sp_landlock_create(uint64_t files, uint64_t network, uint64_t scopes) {
    // Newer members are zero where the kernel does not know them, which it accepts.
    struct { uint64_t files, network, scopes; } attributes = {files, network, scopes};
    return (int)syscall(444, &attributes, sizeof attributes, 0U);
}
static inline int sp_landlock_allow(int rules, int path, uint64_t rights) {
    struct { uint64_t rights; int32_t path; } __attribute__((packed)) rule = {rights, path};
    return (int)syscall(445, rules, 1, &rule, 0U);
}
static inline int sp_landlock_restrict(int rules) { return (int)syscall(446, rules, 0U); }

// seccomp.

static inline int sp_filter_system_calls(const struct sock_filter *program, unsigned short length) {
    struct sock_fprog filter = {length, (struct sock_filter *)program};
    return (int)syscall(SYS_seccomp, 1U, 0U, &filter);
}
/// Whether the kernel has such filters, with failure as an answer.
static inline int sp_can_filter_system_calls(void) {
    uint32_t failure = 0x00050000;
    return syscall(SYS_seccomp, 2U, 0U, &failure) == 0;
}
#if defined(__x86_64__)
static const uint32_t sp_architecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
static const uint32_t sp_architecture = AUDIT_ARCH_AARCH64;
#else
static const uint32_t sp_architecture = 0;
#endif
// Calls that one architecture has and the other has not are -1 there.
#if defined(__x86_64__)
static const int sp_SYS_open = SYS_open;
#else
static const int sp_SYS_open = -1;
#endif
static const int sp_SYS_socket = SYS_socket, sp_SYS_socketpair = SYS_socketpair, sp_SYS_ptrace = SYS_ptrace,
                 sp_SYS_process_vm_readv = SYS_process_vm_readv, sp_SYS_process_vm_writev = SYS_process_vm_writev,
                 sp_SYS_kcmp = SYS_kcmp, sp_SYS_mount = SYS_mount, sp_SYS_umount2 = SYS_umount2,
                 sp_SYS_pivot_root = SYS_pivot_root, sp_SYS_chroot = SYS_chroot, sp_SYS_unshare = SYS_unshare,
                 sp_SYS_setns = SYS_setns, sp_SYS_clone = SYS_clone, sp_SYS_bpf = SYS_bpf,
                 sp_SYS_perf_event_open = SYS_perf_event_open, sp_SYS_keyctl = SYS_keyctl,
                 sp_SYS_add_key = SYS_add_key, sp_SYS_request_key = SYS_request_key,
                 sp_SYS_open_by_handle_at = SYS_open_by_handle_at, sp_SYS_init_module = SYS_init_module,
                 sp_SYS_finit_module = SYS_finit_module, sp_SYS_delete_module = SYS_delete_module,
                 sp_SYS_kexec_load = SYS_kexec_load, sp_SYS_reboot = SYS_reboot, sp_SYS_swapon = SYS_swapon,
                 sp_SYS_swapoff = SYS_swapoff, sp_SYS_acct = SYS_acct, sp_SYS_quotactl = SYS_quotactl,
                 sp_SYS_syslog = SYS_syslog, sp_SYS_userfaultfd = SYS_userfaultfd, sp_SYS_prlimit64 = SYS_prlimit64,
                 sp_SYS_setpriority = SYS_setpriority, sp_SYS_ioprio_set = SYS_ioprio_set,
                 sp_SYS_sched_setaffinity = SYS_sched_setaffinity, sp_SYS_sched_setscheduler = SYS_sched_setscheduler,
                 sp_SYS_sched_setparam = SYS_sched_setparam, sp_SYS_sched_setattr = SYS_sched_setattr,
                 sp_SYS_kill = SYS_kill, sp_SYS_tkill = SYS_tkill, sp_SYS_tgkill = SYS_tgkill,
                 sp_SYS_rt_sigqueueinfo = SYS_rt_sigqueueinfo, sp_SYS_rt_tgsigqueueinfo = SYS_rt_tgsigqueueinfo,
                 sp_SYS_truncate = SYS_truncate, sp_SYS_openat = SYS_openat,
                 // One number everywhere, and younger than the headers of Debian 12 or close to it.
                 sp_SYS_pidfd_open = 434, sp_SYS_io_uring_setup = 425, sp_SYS_io_uring_enter = 426,
                 sp_SYS_io_uring_register = 427, sp_SYS_open_tree = 428, sp_SYS_move_mount = 429,
                 sp_SYS_fsopen = 430, sp_SYS_fsmount = 432, sp_SYS_clone3 = 435, sp_SYS_openat2 = 437,
                 sp_SYS_pidfd_getfd = 438, sp_SYS_mount_setattr = 442;

/// Whether the extended attribute `name` of a file is "1".
static inline int sp_has_attribute(const char *path, const char *name) {
    char value = 0;
    return getxattr(path, name, &value, 1) == 1 && value == '1';
}

// Identity.

/// No program started from here on gets a capability, not even as root. Refused without CAP_SETPCAP: then nothing is lost.
static inline void sp_bound_capabilities(void) {
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
        prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
}
/// Gives up every capability that this thread has.
static inline int sp_drop_capabilities(void) {
    struct { uint32_t version; int pid; } header = {0x20080522, 0};
    uint32_t nothing[6] = {0, 0, 0, 0, 0, 0};
    return (int)syscall(SYS_capset, &header, nothing);
}
/// Takes over the identity of an account, all of it; for a process with one thread.
static inline int sp_become(uint32_t user, uint32_t group, const uint32_t *groups, size_t count) {
    if (syscall(SYS_setgroups, count, groups) != 0) return -1;
    if (syscall(SYS_setresgid, group, group, group) != 0) return -1;
    return (int)syscall(SYS_setresuid, user, user, user);
}
