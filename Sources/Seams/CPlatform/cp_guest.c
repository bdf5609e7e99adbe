#define _GNU_SOURCE
#include "cp_guest.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/reboot.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

int cp_load_module(int fd) { return syscall(SYS_finit_module, fd, "", 0) < 0 ? -errno : 0; }

int cp_power_off(void) { return reboot(RB_POWER_OFF) < 0 ? -errno : 0; }

ssize_t cp_kernel_log(char *bytes, size_t capacity) {
    int got = klogctl(3 /* SYSLOG_ACTION_READ_ALL */, bytes, (int)capacity);
    return got < 0 ? -errno : got;
}

int cp_first_ethernet(char *name) {
    int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (control < 0) return -errno;
    // Interface numbers start at 1; the appliance has no more than a few.
    for (int index = 1; index < 64; index++) {
        struct ifreq request = {.ifr_ifindex = index};
        if (ioctl(control, SIOCGIFNAME, &request) < 0) continue;
        if (ioctl(control, SIOCGIFHWADDR, &request) < 0) continue;
        if (request.ifr_hwaddr.sa_family != ARPHRD_ETHER) continue;
        // Dummies have no neighbours, bonds no wire of their own.
        if (ioctl(control, SIOCGIFFLAGS, &request) < 0) continue;
        if (request.ifr_flags & (IFF_LOOPBACK | IFF_NOARP | IFF_MASTER)) continue;
        memcpy(name, request.ifr_name, IFNAMSIZ);
        close(control);
        return 0;
    }
    close(control);
    return -ENODEV;
}

int cp_sync_file_system(int fd) { return syncfs(fd) < 0 ? -errno : 0; }

union handle_room {
    struct file_handle handle;
    char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
};

int cp_open_handle(int mount_fd, int type, const void *handle, size_t count, int flags) {
    union handle_room room = {.handle = {.handle_bytes = (unsigned)count, .handle_type = type}};
    if (count > MAX_HANDLE_SZ) return -EINVAL;
    memcpy(room.handle.f_handle, handle, count);
    int fd;
    do fd = open_by_handle_at(mount_fd, &room.handle, flags | O_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    return fd < 0 ? -errno : fd;
}

struct fd_path {
    char text[32];
};

static struct fd_path path_of(int fd) {
    struct fd_path path;
    snprintf(path.text, sizeof path.text, "/proc/self/fd/%d", fd);
    return path;
}

// The last step through /proc/self/fd lands on the object itself and follows nothing further.
ssize_t cp_attribute_get(int fd, const char *name, void *value, size_t capacity) {
    ssize_t got = getxattr(path_of(fd).text, name, value, capacity);
    return got < 0 ? -errno : got;
}

int cp_attribute_set(int fd, const char *name, const void *value, size_t count, int flags) {
    return setxattr(path_of(fd).text, name, value, count, flags) < 0 ? -errno : 0;
}

ssize_t cp_attribute_list(int fd, char *names, size_t capacity) {
    ssize_t got = listxattr(path_of(fd).text, names, capacity);
    return got < 0 ? -errno : got;
}

int cp_attribute_remove(int fd, const char *name) {
    return removexattr(path_of(fd).text, name) < 0 ? -errno : 0;
}

int cp_open_path_flag(void) { return O_PATH; }

int cp_allocate(int fd, int mode, int64_t offset, int64_t length) {
    int result;
    do result = fallocate(fd, mode, offset, length);
    while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : 0;
}
