// What only the appliance's process 1 does: modules, power, the kernel's log, files by handle.
// Every function returns 0 or a positive value, or -errno.
#ifndef CP_GUEST_H
#define CP_GUEST_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// finit_module(2) with empty parameters.
int cp_load_module(int fd);

// Flushes nothing: switches the machine off at once. Returns only on failure.
int cp_power_off(void);

// The tail of the kernel's log, at most `capacity` bytes; returns the bytes.
ssize_t cp_kernel_log(char *bytes, size_t capacity);

// Writes the name of the first Ethernet interface that is not the loopback. `name` has 16 bytes.
// -ENODEV where there is none.
int cp_first_ethernet(char *name);

// syncfs(2) of the file system that `fd` is on.
int cp_sync_file_system(int fd);

// open_by_handle_at(2): `mount_fd` is anything on the mount, `handle` has `count` <= 128 bytes.
int cp_open_handle(int mount_fd, int type, const void *handle, size_t count, int flags);

// fallocate(2).
int cp_allocate(int fd, int mode, int64_t offset, int64_t length);

// O_PATH.
int cp_open_path_flag(void);

// Extended attributes of what an O_PATH descriptor names, a symbolic link or device node included:
// by way of /proc/self/fd, so nothing is opened. `name` ends with NUL.
ssize_t cp_attribute_get(int fd, const char *name, void *value, size_t capacity);
int cp_attribute_set(int fd, const char *name, const void *value, size_t count, int flags);
ssize_t cp_attribute_list(int fd, char *names, size_t capacity);
int cp_attribute_remove(int fd, const char *name);

#endif
