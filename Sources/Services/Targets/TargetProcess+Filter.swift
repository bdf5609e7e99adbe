public import Sandbox

extension TargetProcess {
    /// What the process calls: files that are open, sockets that listen, and threads.
    public static let filter = SystemCallFilter(
        SystemCallRule.startup
            + SystemCallRule.all(
                """
                preadv preadv2 pwritev pwritev2 fsync fdatasync fallocate ftruncate fadvise64
                fstatfs rename renameat renameat2 unlink unlinkat mkdir
                listen accept accept4 connect sendmsg recvmsg sendmmsg recvmmsg sendto recvfrom
                shutdown
                getsockname getpeername getsockopt setsockopt
                eventfd eventfd2 epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait
                timerfd_create timerfd_settime tgkill sched_setaffinity prctl
                """)
            + SystemCallRule.unixSockets
            + [.processes, SystemCallRule("ioctl", argument: 1, oneOf: ioctls)])

    /// Sizes, discard and zeroing of block devices (`linux/fs.h`), bytes that wait in a socket, and
    /// the MTU of the interface that a packet socket was opened on (`linux/sockios.h`).
    private static let ioctls: [UInt32] = [
        0x8008_1272,  // BLKGETSIZE64
        0x1268,  // BLKSSZGET
        0x127b,  // BLKPBSZGET
        0x1277,  // BLKDISCARD
        0x127f,  // BLKZEROOUT
        0x541b,  // FIONREAD
        0x8910,  // SIOCGIFNAME
        0x8921,  // SIOCGIFMTU
    ]
}
