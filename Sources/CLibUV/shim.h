#pragma once
#if __has_feature(modules)
// What the system's own module declares stays its own: otherwise Swift would look for `stat` or `termios` here, also in
// modules that never import this one.
#pragma clang module import SwiftGlibc
#endif
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "confine.h"
#include "passing.h"

// Casts between libuv's handle types and calls that Swift cannot import (variadic functions and fork).

static inline uv_handle_t *sp_handle(void *handle) { return (uv_handle_t *)handle; }
static inline uv_stream_t *sp_stream(void *handle) { return (uv_stream_t *)handle; }
static inline uv_tcp_t *sp_tcp(void *handle) { return (uv_tcp_t *)handle; }
static inline uv_pipe_t *sp_pipe(void *handle) { return (uv_pipe_t *)handle; }
static inline uv_timer_t *sp_timer(void *handle) { return (uv_timer_t *)handle; }
static inline uv_async_t *sp_async(void *handle) { return (uv_async_t *)handle; }
static inline uv_prepare_t *sp_prepare(void *handle) { return (uv_prepare_t *)handle; }
static inline uv_idle_t *sp_idle(void *handle) { return (uv_idle_t *)handle; }
static inline uv_poll_t *sp_poll(void *handle) { return (uv_poll_t *)handle; }
static inline uv_signal_t *sp_signal(void *handle) { return (uv_signal_t *)handle; }

static inline void *sp_data(void *handle) { return ((uv_handle_t *)handle)->data; }
static inline void sp_set_data(void *handle, void *data) { ((uv_handle_t *)handle)->data = data; }
static inline void *sp_request_data(void *request) { return ((uv_req_t *)request)->data; }
static inline void sp_set_request_data(void *request, void *data) { ((uv_req_t *)request)->data = data; }

/// True when the wait status is of a process that exited; the code is stored.
static inline int sp_exited(int status, int *code) {
    if (!WIFEXITED(status)) return 0;
    *code = WEXITSTATUS(status);
    return 1;
}
static inline int sp_term_signal(int status) { return WIFSIGNALED(status) ? WTERMSIG(status) : 0; }

static inline int sp_pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }
static inline int sp_pidfd_signal(int fd, int signal) { return (int)syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0); }
/// Closes all descriptors from `first` on; falls back to a walk where the kernel lacks the call.
static inline void sp_close_from(int first) {
    if (syscall(SYS_close_range, first, ~0U, 0) == 0) return;
    long last = sysconf(_SC_OPEN_MAX);
    for (long fd = first; fd < last; fd++) close((int)fd);
}
static inline int sp_memory_file(const char *name) { return (int)syscall(SYS_memfd_create, name, 1U); }
/// Both ends close-on-exec.
static inline int sp_pipe2(int ends[2]) { return (int)syscall(SYS_pipe2, ends, O_CLOEXEC); }
static inline int sp_accept(int fd) {
    return (int)syscall(SYS_accept4, fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}
/// From now on the kernel drops each packet that would begin a connection; those that have begun are completed. 0, or -1
/// where it cannot.
static inline int sp_begin_no_connections(int listening) {
    // A packet begins with TCP's own header here, whose fourteenth byte has the flags: SYN without ACK is dropped.
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x12),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x02, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
    };
    struct sock_fprog program = {sizeof code / sizeof code[0], code};
    return setsockopt(listening, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}
static inline int sp_set_cloexec(int fd, int on) { return fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0); }
// Milliseconds since the peer last acknowledged something; -1 when it owes no acknowledgement.
static inline long sp_acknowledged_ago(int fd) {
    struct tcp_info info;
    socklen_t size = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 || info.tcpi_unacked == 0) return -1;
    return (long)info.tcpi_last_ack_recv;
}
static inline void sp_trim_memory(void) { malloc_trim(0); }
static inline int sp_duplicate_cloexec(int fd, int lowest) { return fcntl(fd, F_DUPFD_CLOEXEC, lowest); }
/// Bytes that a socket holds and the peer has not acknowledged; 0 for what is no socket.
static inline int sp_unacknowledged(int fd) {
    int count = 0;
    return ioctl(fd, TIOCOUTQ, &count) == 0 ? count : 0;
}
static inline int sp_open(const char *path, int flags, unsigned mode) { return open(path, flags | O_CLOEXEC, mode); }
static inline int sp_open_at(int folder, const char *name, int flags) { return openat(folder, name, flags | O_CLOEXEC); }

/// A descriptor that names what is at a path and opens nothing.
static inline int sp_locate(const char *path) { return open(path, 010000000 /* O_PATH */ | O_CLOEXEC); }

static inline pid_t sp_fork(void) { return fork(); }
static inline int sp_no_new_privileges(void) { return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); }
static inline int sp_become_subreaper(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }
static inline int sp_die_with_parent(void) { return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); }
/// No other process of our user may trace this one or read its memory.
static inline void sp_refuse_tracing(void) { prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }
/// Takes ``sp_refuse_tracing`` back, for a copy of a process that refused.
static inline void sp_allow_tracing(void) { prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); }
static inline void sp_set_name(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }
/// Resets every signal to its default action and unblocks all.
static inline void sp_reset_signals(void) {
    // By the system call: glibc's function refuses 32 and 33, which its posix_spawn leaves ignored.
    unsigned long action[4] = {0, 0, 0, 0};
    for (int signal = 1; signal <= 64; signal++) syscall(SYS_rt_sigaction, signal, action, NULL, 8);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}
/// Blocks SIGCHLD, SIGTERM, SIGINT and SIGHUP and returns a descriptor that reads them.
static inline int sp_supervisor_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_SETMASK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}
static inline int sp_set_limit(int resource, unsigned long long value) {
    struct rlimit limit;
    if (getrlimit((enum __rlimit_resource)resource, &limit) != 0) return -1;
    if (limit.rlim_max != RLIM_INFINITY && value > limit.rlim_max) value = limit.rlim_max;
    limit.rlim_cur = value;
    limit.rlim_max = value;
    return setrlimit((enum __rlimit_resource)resource, &limit);
}
static inline void sp_set_soft_limit(int resource, unsigned long long value) {
    struct rlimit limit;
    if (getrlimit((enum __rlimit_resource)resource, &limit) != 0) return;
    limit.rlim_cur = value < limit.rlim_max ? value : limit.rlim_max;
    setrlimit((enum __rlimit_resource)resource, &limit);
}
static const int sp_RLIMIT_DATA = RLIMIT_DATA, sp_RLIMIT_NPROC = RLIMIT_NPROC, sp_RLIMIT_NOFILE = RLIMIT_NOFILE,
                 sp_RLIMIT_CORE = RLIMIT_CORE, sp_RLIMIT_CPU = RLIMIT_CPU, sp_RLIMIT_FSIZE = RLIMIT_FSIZE;
