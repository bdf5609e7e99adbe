#define _GNU_SOURCE
#include "cplatform.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int write_text(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return -errno;
    ssize_t wrote = write(fd, text, strlen(text));
    int error = wrote < 0 ? -errno : 0;
    close(fd);
    return error;
}

int cp_private_network(void) {
    unsigned uid = geteuid(), gid = getegid();
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) return -errno;
    char map[64];
    int error = write_text("/proc/self/setgroups", "deny");
    if (error < 0 && error != -ENOENT) return error;
    snprintf(map, sizeof map, "%u %u 1", uid, uid);
    if ((error = write_text("/proc/self/uid_map", map)) < 0) return error;
    snprintf(map, sizeof map, "%u %u 1", gid, gid);
    return write_text("/proc/self/gid_map", map);
}

int cp_tap_create(char *name) {
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    if (fd < 0) return -errno;
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    if (ioctl(fd, TUNSETIFF, &request) < 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    memcpy(name, request.ifr_name, IFNAMSIZ);
    return fd;
}

static void set_address(struct sockaddr *field, uint32_t address) {
    struct sockaddr_in internet = {.sin_family = AF_INET, .sin_addr = {htonl(address)}};
    memcpy(field, &internet, sizeof internet);
}

int cp_interface_up(const char *name, uint32_t address, int prefix, int mtu) {
    int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (control < 0) return -errno;
    struct ifreq request = {0};
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    if (mtu > 0) {
        request.ifr_mtu = mtu;
        if (ioctl(control, SIOCSIFMTU, &request) < 0) goto failed;
    }
    if (address != 0) {
        set_address(&request.ifr_addr, address);
        if (ioctl(control, SIOCSIFADDR, &request) < 0) goto failed;
        set_address(&request.ifr_netmask, prefix == 0 ? 0 : ~0U << (32 - prefix));
        if (ioctl(control, SIOCSIFNETMASK, &request) < 0) goto failed;
    }
    if (ioctl(control, SIOCGIFFLAGS, &request) < 0) goto failed;
    request.ifr_flags |= IFF_UP;
    if (ioctl(control, SIOCSIFFLAGS, &request) < 0) goto failed;
    close(control);
    return 0;
failed:;
    int error = errno;
    close(control);
    return -error;
}

int cp_neighbour(const char *name, uint32_t address, const uint8_t mac[6]) {
    int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (control < 0) return -errno;
    struct arpreq request = {.arp_flags = ATF_PERM | ATF_COM};
    set_address(&request.arp_pa, address);
    request.arp_ha.sa_family = ARPHRD_ETHER;
    memcpy(request.arp_ha.sa_data, mac, 6);
    strncpy(request.arp_dev, name, sizeof request.arp_dev - 1);
    int error = ioctl(control, SIOCSARP, &request) < 0 ? -errno : 0;
    close(control);
    return error;
}
