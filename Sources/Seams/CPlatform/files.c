#define _GNU_SOURCE
#include "cplatform.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RETRY(call)                                  \
    ({                                               \
        long result_;                                \
        do result_ = (long)(call);                   \
        while (result_ < 0 && errno == EINTR);       \
        result_ < 0 ? -errno : result_;              \
    })

int cp_open(const char *path, int flags, mode_t mode) {
    return (int)RETRY(open(path, flags | O_CLOEXEC, mode));
}

int cp_flush_output(void) {
    int failed = ferror(stdout);
    errno = EIO;
    return fflush(stdout) != 0 || failed ? -errno : 0;
}

int cp_open_in_root(int folder, const char *path, int follow_last) {
    struct open_how how = {
        .flags = O_PATH | O_CLOEXEC | (follow_last ? 0 : O_NOFOLLOW),
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
    };
    return (int)RETRY(syscall(SYS_openat2, folder, path, &how, sizeof how));
}

int cp_set_nonblocking(int fd, int on) {
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0) return -errno;
    flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
    return fcntl(fd, F_SETFL, flags) < 0 ? -errno : 0;
}

int cp_duplicate(int fd) {
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    return copy < 0 ? -errno : copy;
}

int cp_mount(const char *source, const char *target, const char *type, unsigned long flags,
             const char *data) {
    return mount(source, target, type, flags, data) < 0 ? -errno : 0;
}

int cp_umount(const char *target, int flags) { return umount2(target, flags) < 0 ? -errno : 0; }

int cp_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC) < 0 ? -errno : 0; }

int cp_listen(int socket, int backlog) { return listen(socket, backlog) < 0 ? -errno : 0; }

int cp_accept(int listener) { return (int)RETRY(accept4(listener, NULL, NULL, SOCK_CLOEXEC)); }

int cp_memfd(const char *name) { return (int)RETRY(memfd_create(name, MFD_CLOEXEC)); }

int cp_block_size(int fd, uint64_t *bytes) {
    return ioctl(fd, BLKGETSIZE64, bytes) < 0 ? -errno : 0;
}

int cp_block_sectors(int fd, uint32_t *logical, uint32_t *physical) {
    int sector = 0;
    unsigned int physical_sector = 0;
    if (ioctl(fd, BLKSSZGET, &sector) < 0) return -errno;
    if (ioctl(fd, BLKPBSZGET, &physical_sector) < 0) return -errno;
    *logical = (uint32_t)sector;
    *physical = physical_sector;
    return 0;
}

ssize_t cp_send_fds(int socket, const void *bytes, size_t count, const int *fds, size_t fd_count) {
    if (fd_count > 16) return -EINVAL;
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = count};
    union {
        char room[CMSG_SPACE(16 * sizeof(int))];
        struct cmsghdr align;
    } control = {0};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (fd_count > 0) {
        message.msg_control = control.room;
        message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
        memcpy(CMSG_DATA(header), fds, fd_count * sizeof(int));
    }
    return RETRY(sendmsg(socket, &message, MSG_NOSIGNAL));
}

ssize_t cp_receive_fds(int socket, void *bytes, size_t capacity, int *fds, size_t *fd_count) {
    struct iovec part = {.iov_base = bytes, .iov_len = capacity};
    union {
        char room[CMSG_SPACE(16 * sizeof(int))];
        struct cmsghdr align;
    } control = {0};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.room,
                             .msg_controllen = sizeof control.room};
    ssize_t got = RETRY(recvmsg(socket, &message, MSG_CMSG_CLOEXEC));
    size_t limit = *fd_count, found = 0;
    *fd_count = 0;
    if (got < 0) return got;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header;
         header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
            if (found < limit)
                fds[found++] = fd;
            else
                close(fd);
        }
    }
    *fd_count = found;
    return got;
}
