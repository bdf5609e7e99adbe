// The private link's fine points. Every function returns 0 or a positive value, or -errno.
#ifndef CP_LINK_H
#define CP_LINK_H

#include <stdint.h>

// Sets an Ethernet interface's own hardware address.
int cp_hardware_address(const char *name, const uint8_t mac[6]);

// Makes the kernel end a TCP connection whose peer has not acknowledged anything, data or
// keep-alive probe, for timeout_ms.
int cp_tcp_lifeline(int socket, unsigned timeout_ms);

// Picks a TCP connection's congestion control by name; "reno" is always there.
int cp_tcp_congestion(int socket, const char *name);

// Sizes of a socket's buffers in bytes; 0 leaves one as it is.
int cp_socket_buffers(int socket, int receive, int send);

// Connects to an IPv4 address (host order) within a time; returns the descriptor.
int cp_connect_within(uint32_t address, uint16_t port, int timeout_ms);

// Copies what the first `count` bytes of a stream will be, without taking them.
long cp_peek(int socket, void *bytes, unsigned long count);

#endif
