// Local block devices: netlink, loop devices, facts and switches of block devices.
// Every function returns 0 or a positive value, or -errno.
#ifndef CP_DISK_H
#define CP_DISK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// A generic netlink socket, bound, whose calls end with -EAGAIN after `seconds`.
int cp_netlink_open(int seconds);

// sendto(2) the kernel, and recv(2) of one datagram.
ssize_t cp_netlink_send(int socket, const void *bytes, size_t count);
ssize_t cp_netlink_receive(int socket, void *bytes, size_t capacity);

// The number of a free loop device (LOOP_CTL_GET_FREE), by an open /dev/loop-control.
int cp_loop_free(int control);

// LOOP_CONFIGURE: `flags` are LO_FLAGS_..., block_size 0 leaves it to the kernel.
int cp_loop_configure(int loop, int file, uint32_t block_size, uint32_t flags, const char *name);

// LOOP_CLR_FD: at once, or where others have it open, when the last of them closes it.
int cp_loop_clear(int loop);

// LO_FLAGS_... of a loop device.
int cp_loop_flags(int loop, uint32_t *flags);

// BLKROGET: 1 where the device is read-only.
int cp_block_read_only(int fd);
// When a file was made, in nanoseconds since the epoch; 0 where nobody knows (statx(2)).
int64_t cp_file_born(int fd);

// PR_SET_IO_FLUSHER: memory for this thread, and those it starts, is never made by waiting for
// writes that it may have to serve itself. Needs CAP_SYS_RESOURCE.
int cp_io_flusher(void);

// S_ISBLK and the number of the device that a path names; 0 for anything else.
int cp_block_number(const char *path, uint64_t *number);

#endif
