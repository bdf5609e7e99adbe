#define _GNU_SOURCE
#include "cp_host.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

int cp_claim(int fd) {
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) return 1;
    return errno == EWOULDBLOCK ? 0 : -errno;
}

int cp_is_claimed(int fd) {
    // A shared lock conflicts with a claim and with nothing else, least of all with other askers.
    if (flock(fd, LOCK_SH | LOCK_NB) == 0) {
        flock(fd, LOCK_UN);
        return 0;
    }
    return errno == EWOULDBLOCK ? 1 : -errno;
}

static int unix_socket(const char *path, struct sockaddr_un *address) {
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof address->sun_path) return -ENAMETOOLONG;
    strcpy(address->sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd < 0 ? -errno : fd;
}

int cp_unix_listen(const char *path) {
    struct sockaddr_un address;
    int fd = unix_socket(path, &address);
    if (fd < 0) return fd;
    if (bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 8) == 0) return fd;
    int error = errno;
    close(fd);
    return -error;
}

int cp_unix_connect(const char *path) {
    struct sockaddr_un address;
    int fd = unix_socket(path, &address);
    if (fd < 0) return fd;
    int result;
    do result = connect(fd, (struct sockaddr *)&address, sizeof address);
    while (result < 0 && errno == EINTR);
    if (result == 0) return fd;
    int error = errno;
    close(fd);
    return -error;
}

int cp_unix_served(const char *path) {
    struct stat status;
    if (lstat(path, &status) < 0) return -errno;
    // Linux refuses connections to whatever is no socket, too.
    if (!S_ISSOCK(status.st_mode)) return -ENOTSOCK;
    struct sockaddr_un address;
    int fd = unix_socket(path, &address);
    if (fd < 0) return fd;
    int result = fcntl(fd, F_SETFL, O_NONBLOCK);
    if (result == 0) result = connect(fd, (struct sockaddr *)&address, sizeof address);
    int error = errno;
    close(fd);
    // EAGAIN: so many wait already that one more would have to.
    if (result == 0 || error == EAGAIN) return 1;
    return error == ECONNREFUSED ? 0 : -error;
}

int cp_unix_peer(int fd, unsigned *uid) {
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) return -errno;
    *uid = peer.uid;
    return 0;
}

long cp_raise_open_files(unsigned long wanted) {
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) < 0) return -errno;
    if (files.rlim_cur < wanted) {
        files.rlim_cur = wanted < files.rlim_max ? wanted : files.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &files) < 0) return -errno;
    }
    return files.rlim_cur < LONG_MAX ? (long)files.rlim_cur : LONG_MAX;
}
