// Ethernet frames over a packet socket. Every function returns 0 or a positive value, or -errno.
#ifndef CP_PACKET_H
#define CP_PACKET_H

#include <stdint.h>

// What is known of a network interface.
struct cp_interface {
    int index, mtu;
    unsigned flags;     // IFF_… of net/if.h
    unsigned hardware;  // ARPHRD_… of net/if_arp.h
    uint8_t mac[6];
};

// Asks by name. The socket may be of any kind; its network namespace is what counts.
int cp_interface_facts(int socket, const char *name, struct cp_interface *facts);

// The MTU of the interface with this index, whatever its name has become.
int cp_interface_mtu(int socket, int index);

// A socket that receives, from an interface, the ATA over Ethernet questions to one shelf and
// slot or to all, or with `answers` the answers from there, and sends any frame. Needs
// CAP_NET_RAW. `buffer` is the wanted size of its buffers in bytes; the kernel's limits hold
// without CAP_NET_ADMIN.
int cp_packet_aoe(int index, uint16_t shelf, uint8_t slot, int buffer, int answers);

// Bytes that may wait in a socket's receive buffer, the kernel's own overhead included.
int cp_socket_receive_buffer(int socket);

// One frame that is received: where it goes, the room there, and how long it was; longer than
// the room where it was cut.
struct cp_frame {
    void *bytes;
    uint32_t room, length;
};

// Waits for a frame, as long as the socket's calls may take, and receives what is there then, at
// most 64 frames; returns how many.
int cp_frames_receive(int socket, struct cp_frame *frames, unsigned count);

// One frame that is sent: a head, and a body that may be empty.
struct cp_frame_parts {
    const void *head, *body;
    uint32_t head_length, body_length;
};

// Sends frames in order, at most 64; returns how many went out before the first that did not.
// -errno where the first did not.
int cp_frames_send(int socket, const struct cp_frame_parts *frames, unsigned count);

#endif
