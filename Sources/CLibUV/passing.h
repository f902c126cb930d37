#pragma once
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

// Descriptors that travel over a socket, and a copy of a process that is its sibling.

/// The most descriptors that travel at once.
#define SP_MOST_PASSED 8

/// Sends one datagram and `number` descriptors with it; 0 or -1 and errno.
static inline int sp_send_descriptors(
    int socket, const void *bytes, size_t count, const int *descriptors, int number) {
    union { char bytes[CMSG_SPACE(sizeof(int) * SP_MOST_PASSED)]; struct cmsghdr alignment; } control;
    if (number < 1 || number > SP_MOST_PASSED) { errno = EINVAL; return -1; }
    memset(&control, 0, sizeof control);
    struct iovec part = {(void *)bytes, count};
    struct msghdr message = {0};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)number);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)number);
    memcpy(CMSG_DATA(header), descriptors, sizeof(int) * (size_t)number);
    ssize_t sent;
    do sent = sendmsg(socket, &message, MSG_NOSIGNAL); while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)count ? 0 : -1;
}

/// Receives one datagram; its length, 0 at the end, -1 and errno. `number` becomes how many descriptors came with it.
static inline ssize_t sp_receive_descriptors(int socket, void *bytes, size_t count, int *descriptors, int *number) {
    union { char bytes[CMSG_SPACE(sizeof(int) * SP_MOST_PASSED)]; struct cmsghdr alignment; } control;
    struct iovec part = {bytes, count};
    struct msghdr message = {0};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes;
    message.msg_controllen = sizeof control.bytes;
    *number = 0;
    ssize_t received;
    do received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC); while (received < 0 && errno == EINTR);
    if (received < 0) return -1;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        *number = (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(descriptors, CMSG_DATA(header), sizeof(int) * (size_t)*number);
    }
    return received;
}

/// How long a read of this socket waits, in milliseconds.
static inline void sp_set_receive_limit(int socket, int milliseconds) {
    struct timeval limit = {milliseconds / 1000, (milliseconds % 1000) * 1000};
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

/// `fork`, but the new process is a child of our parent. Only for a process of one thread that holds no lock: glibc does
/// not hear of it.
static inline pid_t sp_fork_sibling(void) {
    const long as_sibling = 0x00008000; // CLONE_PARENT, which glibc declares for programs of another dialect alone
    return (pid_t)syscall(SYS_clone, as_sibling | SIGCHLD, 0, 0, 0, 0);
}
