import Glibc

/// Time.
public enum Clock {
    /// Milliseconds of the monotonic clock.
    public static func milliseconds() -> Int64 { nanoseconds() / 1_000_000 }

    /// Nanoseconds of the monotonic clock.
    public static func nanoseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    /// Seconds since the epoch.
    public static func wallSeconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec)
    }

    /// Sleeps this long.
    public static func sleep(milliseconds: Int64) {
        var time = timespec(
            tv_sec: Int(milliseconds / 1000), tv_nsec: Int(milliseconds % 1000) * 1_000_000)
        var left = timespec()
        while nanosleep(&time, &left) < 0 && errno == EINTR { time = left }
    }
}

extension Clock {
    /// Sleeps this long; under a millisecond too.
    public static func sleep(nanoseconds: Int64) {
        var time = timespec(
            tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
        var left = timespec()
        while nanosleep(&time, &left) < 0 && errno == EINTR { time = left }
    }
}
