#define _GNU_SOURCE
#include "cp_block.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

ssize_t cp_block_read(int fd, void *bytes, size_t count, uint64_t offset) {
    size_t done = 0;
    while (done < count) {
        ssize_t got = pread(fd, (char *)bytes + done, count - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -errno;
        if (got == 0) break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

ssize_t cp_block_read_now(int fd, void *bytes, size_t count, uint64_t offset) {
    struct iovec part = {.iov_base = bytes, .iov_len = count};
    ssize_t got = preadv2(fd, &part, 1, (off_t)offset, RWF_NOWAIT);
    return got < 0 ? -errno : got;
}

ssize_t cp_block_write_now(int fd, const void *bytes, size_t count, uint64_t offset) {
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = count};
    ssize_t put = pwritev2(fd, &part, 1, (off_t)offset, RWF_NOWAIT);
    return put < 0 ? -errno : put;
}

int cp_block_in_memory(int fd) {
    struct statfs facts;
    return fstatfs(fd, &facts) == 0 && facts.f_type == TMPFS_MAGIC;
}

ssize_t cp_block_write(int fd, const void *bytes, size_t count, uint64_t offset, int durable) {
    size_t done = 0;
    while (done < count) {
        off_t place = (off_t)(offset + done);
        struct iovec part = {.iov_base = (char *)bytes + done, .iov_len = count - done};
        ssize_t put = durable ? pwritev2(fd, &part, 1, place, RWF_DSYNC)
                              : pwrite(fd, part.iov_base, part.iov_len, place);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return -errno;
        // A file system never writes nothing of something; waiting for more would have no end.
        if (put == 0) return -EIO;
        done += (size_t)put;
    }
    return (ssize_t)done;
}

static int change(int fd, int mode, uint64_t offset, uint64_t count) {
    int result;
    do result = fallocate(fd, mode | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)count);
    while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : 0;
}

int cp_block_punch(int fd, uint64_t offset, uint64_t count) {
    return change(fd, FALLOC_FL_PUNCH_HOLE, offset, count);
}

int cp_block_zero_range(int fd, uint64_t offset, uint64_t count) {
    return change(fd, FALLOC_FL_ZERO_RANGE, offset, count);
}

int cp_block_discard(int fd, uint64_t offset, uint64_t count) {
    uint64_t range[2] = {offset, count};
    return ioctl(fd, BLKDISCARD, range) < 0 ? -errno : 0;
}

int cp_block_zero_out(int fd, uint64_t offset, uint64_t count) {
    uint64_t range[2] = {offset, count};
    return ioctl(fd, BLKZEROOUT, range) < 0 ? -errno : 0;
}

int64_t cp_block_seek(int fd, uint64_t offset, int hole) {
    off_t place = lseek(fd, (off_t)offset, hole ? SEEK_HOLE : SEEK_DATA);
    return place < 0 ? -errno : place;
}

unsigned cp_device_major(uint64_t device) { return major(device); }

unsigned cp_device_minor(uint64_t device) { return minor(device); }

int cp_block_sync(int fd) {
    int result;
    do result = fdatasync(fd);
    while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : 0;
}

int cp_socket_timeouts(int socket, int64_t microseconds) {
    struct timeval time = {.tv_sec = microseconds / 1000000, .tv_usec = microseconds % 1000000};
    if (setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time) < 0) return -errno;
    return setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time) < 0 ? -errno : 0;
}

ssize_t cp_socket_send2(int socket, const void *head, size_t head_count, const void *body,
                        size_t body_count, size_t done) {
    struct iovec parts[2];
    size_t count = 0;
    if (done < head_count)
        parts[count++] = (struct iovec){(char *)head + done, head_count - done};
    size_t body_done = done > head_count ? done - head_count : 0;
    if (body_done < body_count)
        parts[count++] = (struct iovec){(char *)body + body_done, body_count - body_done};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
    ssize_t sent = sendmsg(socket, &message, MSG_NOSIGNAL);
    return sent < 0 ? -errno : sent;
}
