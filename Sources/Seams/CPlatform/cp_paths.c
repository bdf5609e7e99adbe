#define _GNU_SOURCE
#include "cp_paths.h"

#include <dirent.h>
#include <errno.h>
#include <sys/xattr.h>

ssize_t cp_directory_read(int fd, void *bytes, size_t capacity) {
    ssize_t got = getdents64(fd, bytes, capacity);
    return got < 0 ? -errno : got;
}

ssize_t cp_path_attribute_get(const char *path, const char *name, void *value, size_t capacity) {
    ssize_t got = lgetxattr(path, name, value, capacity);
    return got < 0 ? -errno : got;
}

int cp_path_attribute_set(const char *path, const char *name, const void *value, size_t count,
                          int flags) {
    return lsetxattr(path, name, value, count, flags) < 0 ? -errno : 0;
}

ssize_t cp_path_attribute_list(const char *path, char *names, size_t capacity) {
    ssize_t got = llistxattr(path, names, capacity);
    return got < 0 ? -errno : got;
}

int cp_path_attribute_remove(const char *path, const char *name) {
    return lremovexattr(path, name) < 0 ? -errno : 0;
}
