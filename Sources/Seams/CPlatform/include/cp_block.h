// The data plane of block devices: bytes at offsets of files, and messages over sockets.
// Every function returns 0 or a positive value, or -errno. Interrupted calls are repeated.
#ifndef CP_BLOCK_H
#define CP_BLOCK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// Reads until `count` bytes are there or the file ends; returns the bytes.
ssize_t cp_block_read(int fd, void *bytes, size_t count, uint64_t offset);

// preadv2(2) with RWF_NOWAIT: once. -EAGAIN where it would wait.
ssize_t cp_block_read_now(int fd, void *bytes, size_t count, uint64_t offset);

// pwritev2(2) with RWF_NOWAIT: once. -EAGAIN where it would wait, -EOPNOTSUPP where nobody knows.
ssize_t cp_block_write_now(int fd, const void *bytes, size_t count, uint64_t offset);

// Whether a file lies in a file system that has no other place than memory (tmpfs).
int cp_block_in_memory(int fd);

// Writes everything; with `durable`, by RWF_DSYNC.
ssize_t cp_block_write(int fd, const void *bytes, size_t count, uint64_t offset, int durable);

// fallocate(2): FALLOC_FL_PUNCH_HOLE and FALLOC_FL_ZERO_RANGE, the size kept.
int cp_block_punch(int fd, uint64_t offset, uint64_t count);
int cp_block_zero_range(int fd, uint64_t offset, uint64_t count);

// BLKDISCARD and BLKZEROOUT of a block device.
int cp_block_discard(int fd, uint64_t offset, uint64_t count);
int cp_block_zero_out(int fd, uint64_t offset, uint64_t count);

// lseek(2) with SEEK_DATA (`hole` 0) or SEEK_HOLE (1). -ENXIO past the last.
int64_t cp_block_seek(int fd, uint64_t offset, int hole);

// The two halves of a device's number.
unsigned cp_device_major(uint64_t device);
unsigned cp_device_minor(uint64_t device);

// fdatasync(2).
int cp_block_sync(int fd);

// Makes a blocking socket's calls end with -EAGAIN after this time; 0: never.
int cp_socket_timeouts(int socket, int64_t microseconds);

// sendmsg(2) of what is left of a head and a body after `done` bytes of both; returns the bytes.
ssize_t cp_socket_send2(int socket, const void *head, size_t head_count, const void *body,
                        size_t body_count, size_t done);

#endif
