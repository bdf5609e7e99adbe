#define _GNU_SOURCE
#include "cp_packet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define ETHER_TYPE_AOE 0x88a2
#define BATCH 64

int cp_interface_facts(int socket, const char *name, struct cp_interface *facts) {
    struct ifreq request = {0};
    if (strlen(name) >= IFNAMSIZ) return -ENODEV;
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    if (ioctl(socket, SIOCGIFINDEX, &request) < 0) return -errno;
    facts->index = request.ifr_ifindex;
    if (ioctl(socket, SIOCGIFMTU, &request) < 0) return -errno;
    facts->mtu = request.ifr_mtu;
    if (ioctl(socket, SIOCGIFFLAGS, &request) < 0) return -errno;
    facts->flags = (unsigned short)request.ifr_flags;
    if (ioctl(socket, SIOCGIFHWADDR, &request) < 0) return -errno;
    facts->hardware = request.ifr_hwaddr.sa_family;
    memcpy(facts->mac, request.ifr_hwaddr.sa_data, sizeof facts->mac);
    return 0;
}

int cp_interface_mtu(int socket, int index) {
    struct ifreq request = {.ifr_ifindex = index};
    if (ioctl(socket, SIOCGIFNAME, &request) < 0) return -errno;
    if (ioctl(socket, SIOCGIFMTU, &request) < 0) return -errno;
    return request.ifr_mtu;
}

// Takes frames that are sent to this host or to all, are questions or answers as wanted, and name
// the disk or all.
static int attach_filter(int socket, uint16_t shelf, uint8_t slot, int answers) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, PACKET_BROADCAST, 9, 0),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 14),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 8, answers ? 0 : 7, answers ? 7 : 0),
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 16),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, shelf, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0xffff, 0, 4),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 18),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, slot, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0xff, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};
    return setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0 ? -errno
                                                                                         : 0;
}

static int set_buffer(int socket, int forced, int plain, int size) {
    if (setsockopt(socket, SOL_SOCKET, forced, &size, sizeof size) == 0) return 0;
    return setsockopt(socket, SOL_SOCKET, plain, &size, sizeof size) < 0 ? -errno : 0;
}

int cp_packet_aoe(int index, uint16_t shelf, uint8_t slot, int buffer, int answers) {
    // Protocol 0 receives nothing until the filter is there.
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    int error = attach_filter(fd, shelf, slot, answers);
    if (!error) error = set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, buffer);
    if (!error) error = set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, buffer);
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETHER_TYPE_AOE), .sll_ifindex = index};
    if (!error && bind(fd, (struct sockaddr *)&address, sizeof address) < 0) error = -errno;
    if (!error) return fd;
    close(fd);
    return error;
}

int cp_socket_receive_buffer(int socket) {
    int size = 0;
    socklen_t length = sizeof size;
    return getsockopt(socket, SOL_SOCKET, SO_RCVBUF, &size, &length) < 0 ? -errno : size;
}

int cp_frames_receive(int socket, struct cp_frame *frames, unsigned count) {
    struct mmsghdr messages[BATCH];
    struct iovec places[BATCH];
    if (count > BATCH) count = BATCH;
    for (unsigned i = 0; i < count; i++) {
        places[i] = (struct iovec){frames[i].bytes, frames[i].room};
        messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &places[i], .msg_iovlen = 1}};
    }
    int got;
    do got = recvmmsg(socket, messages, count, MSG_WAITFORONE | MSG_TRUNC, NULL);
    while (got < 0 && errno == EINTR);
    if (got < 0) return -errno;
    for (int i = 0; i < got; i++) frames[i].length = messages[i].msg_len;
    return got;
}

int cp_frames_send(int socket, const struct cp_frame_parts *frames, unsigned count) {
    struct mmsghdr messages[BATCH];
    struct iovec parts[BATCH][2];
    if (count > BATCH) count = BATCH;
    for (unsigned i = 0; i < count; i++) {
        parts[i][0] = (struct iovec){(void *)frames[i].head, frames[i].head_length};
        parts[i][1] = (struct iovec){(void *)frames[i].body, frames[i].body_length};
        messages[i] = (struct mmsghdr){
            .msg_hdr = {.msg_iov = parts[i], .msg_iovlen = frames[i].body_length ? 2 : 1}};
    }
    int sent;
    do sent = sendmmsg(socket, messages, count, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : sent;
}
