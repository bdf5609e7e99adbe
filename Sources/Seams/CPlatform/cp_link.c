#define _GNU_SOURCE
#include "cp_link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

int cp_hardware_address(const char *name, const uint8_t mac[6]) {
    int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (control < 0) return -errno;
    struct ifreq request = {0};
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
    memcpy(request.ifr_hwaddr.sa_data, mac, 6);
    int error = ioctl(control, SIOCSIFHWADDR, &request) < 0 ? -errno : 0;
    close(control);
    return error;
}

static int set(int socket, int level, int name, int value) {
    return setsockopt(socket, level, name, &value, sizeof value) < 0 ? -errno : 0;
}

int cp_tcp_lifeline(int socket, unsigned timeout_ms) {
    int error = set(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, (int)timeout_ms);
    if (!error) error = set(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
    if (!error) error = set(socket, IPPROTO_TCP, TCP_KEEPIDLE, 1);
    if (!error) error = set(socket, IPPROTO_TCP, TCP_KEEPINTVL, 1);
    return error;
}

int cp_tcp_congestion(int socket, const char *name) {
    return setsockopt(socket, IPPROTO_TCP, TCP_CONGESTION, name, (socklen_t)strlen(name)) < 0
               ? -errno
               : 0;
}

int cp_socket_buffers(int socket, int receive, int send) {
    int error = receive ? set(socket, SOL_SOCKET, SO_RCVBUF, receive) : 0;
    if (!error && send) error = set(socket, SOL_SOCKET, SO_SNDBUF, send);
    return error;
}

int cp_connect_within(uint32_t address, uint16_t port, int timeout_ms) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -errno;
    struct sockaddr_in target = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(address)}};
    int error = set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (!error && connect(fd, (struct sockaddr *)&target, sizeof target) < 0) error = -errno;
    if (error == -EINPROGRESS) {
        struct pollfd wait = {.fd = fd, .events = POLLOUT};
        int ready;
        do ready = poll(&wait, 1, timeout_ms);
        while (ready < 0 && errno == EINTR);
        socklen_t size = sizeof error;
        if (ready == 0)
            error = -ETIMEDOUT;
        else if (ready < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
            error = -errno;
        else
            error = -error;
    }
    if (!error && fcntl(fd, F_SETFL, 0) < 0) error = -errno;
    if (error) {
        close(fd);
        return error;
    }
    return fd;
}

long cp_peek(int socket, void *bytes, unsigned long count) {
    ssize_t got;
    do got = recv(socket, bytes, count, MSG_PEEK | MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    return got < 0 ? -errno : got;
}
