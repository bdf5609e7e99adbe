// File calls on paths that are bytes, for the pass-through's hot path. Links are not followed.
// Every function returns 0 or a positive value, or -errno.
#ifndef CP_PATHS_H
#define CP_PATHS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// Reads directory records (getdents64(2)) from an open folder.
ssize_t cp_directory_read(int fd, void *bytes, size_t capacity);

// Extended attributes by path.
ssize_t cp_path_attribute_get(const char *path, const char *name, void *value, size_t capacity);
int cp_path_attribute_set(const char *path, const char *name, const void *value, size_t count,
                          int flags);
ssize_t cp_path_attribute_list(const char *path, char *names, size_t capacity);
int cp_path_attribute_remove(const char *path, const char *name);

#endif
