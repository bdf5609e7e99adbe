#define _GNU_SOURCE
#include "cp_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER 57
#endif

int cp_netlink_open(int seconds) {
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
    if (fd < 0) return -errno;
    struct sockaddr_nl address = {.nl_family = AF_NETLINK};
    struct timeval limit = {.tv_sec = seconds};
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0 &&
        bind(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    int error = errno;
    close(fd);
    return -error;
}

ssize_t cp_netlink_send(int socket, const void *bytes, size_t count) {
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    ssize_t sent;
    do sent = sendto(socket, bytes, count, 0, (struct sockaddr *)&kernel, sizeof kernel);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : sent;
}

ssize_t cp_netlink_receive(int socket, void *bytes, size_t capacity) {
    struct sockaddr_nl sender;
    for (;;) {
        socklen_t length = sizeof sender;
        ssize_t got =
            recvfrom(socket, bytes, capacity, MSG_TRUNC, (struct sockaddr *)&sender, &length);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -errno;
        // Other processes can send here; only the kernel has the port 0.
        if (length < sizeof sender || sender.nl_pid != 0) continue;
        return (size_t)got > capacity ? -EMSGSIZE : got;
    }
}

int cp_loop_free(int control) {
    int number = ioctl(control, LOOP_CTL_GET_FREE);
    return number < 0 ? -errno : number;
}

int cp_loop_configure(int loop, int file, uint32_t block_size, uint32_t flags, const char *name) {
    struct loop_config config;
    memset(&config, 0, sizeof config);
    config.fd = (uint32_t)file;
    config.block_size = block_size;
    config.info.lo_flags = flags;
    strncpy((char *)config.info.lo_file_name, name, LO_NAME_SIZE - 1);
    return ioctl(loop, LOOP_CONFIGURE, &config) < 0 ? -errno : 0;
}

int cp_loop_clear(int loop) { return ioctl(loop, LOOP_CLR_FD) < 0 ? -errno : 0; }

int cp_loop_flags(int loop, uint32_t *flags) {
    struct loop_info64 info;
    if (ioctl(loop, LOOP_GET_STATUS64, &info) < 0) return -errno;
    *flags = info.lo_flags;
    return 0;
}

int cp_block_read_only(int fd) {
    int value = 0;
    return ioctl(fd, BLKROGET, &value) < 0 ? -errno : value != 0;
}

int64_t cp_file_born(int fd) {
    struct statx facts;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &facts) < 0) return -errno;
    if (!(facts.stx_mask & STATX_BTIME)) return 0;
    return facts.stx_btime.tv_sec * INT64_C(1000000000) + facts.stx_btime.tv_nsec;
}

int cp_io_flusher(void) { return prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0) < 0 ? -errno : 0; }

int cp_block_number(const char *path, uint64_t *number) {
    struct stat status;
    if (stat(path, &status) < 0) return -errno;
    *number = status.st_rdev;
    return S_ISBLK(status.st_mode) ? 1 : 0;
}
