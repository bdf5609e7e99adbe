/// What a guest does to a file system whose every crash is tried afterwards: a workload that says
/// what must survive, and the check that it did.
///
/// The workload's steps are numbered from 1. Each leaves some changes that nobody waits for, and
/// one thing that fsync has acknowledged: a new file, a record at the end of `log`, or a new
/// version of `current` by a rename. Then it writes a *mark*, a block at a place of the device
/// that belongs to no file system: a record of the device has it exactly where the step was
/// acknowledged. The first mark comes once the file system is mounted.
public enum CrashLoad {
    /// Bytes of the device behind the file system, for the marks.
    public static let room: UInt64 = 1 << 20

    /// A program (Python): DEVICE FOLDER PLACE STEPS SEED.
    public static let work =
        content + """
            import mmap
            device, folder = sys.argv[1:3]
            place, steps, seed = [int(word) for word in sys.argv[3:]]
            chance, page = random.Random(seed), mmap.mmap(-1, 4096)
            disk = os.open(device, os.O_RDWR | os.O_DIRECT)
            def mark():
                if os.pwrite(disk, page, place) != len(page): sys.exit("short mark")
            def sync(path):
                file = os.open(path, os.O_RDONLY)
                os.fsync(file)
                os.close(file)
            def put(path, data):
                with open(path, "wb") as file: file.write(data)
            os.chdir(folder)
            for name in ("files", "noise"): os.mkdir(name)
            put("log", b"")
            put("current", content(seed, 0))
            os.sync()
            mark()
            for step in range(1, steps + 1):
                for turn in range(chance.randrange(4)):
                    name = "noise/%d" % chance.randrange(20)
                    kind = chance.randrange(5)
                    if kind < 3: put(name, chance.randbytes(chance.randrange(30000)))
                    elif not os.path.exists(name): pass
                    elif kind == 3: os.rename(name, "noise/%d" % chance.randrange(20))
                    else: os.truncate(name, chance.randrange(30000))
                if step % 5 == 0:
                    put("new", content(seed, step))
                    sync("new")
                    os.rename("new", "current")
                    sync(".")
                elif step % 5 == 1:
                    with open("log", "ab") as file: file.write(record(step))
                    sync("log")
                else:
                    put("files/%d" % step, content(seed, step))
                    sync("files/%d" % step)
                    sync("files")
                mark()
            """

    /// A program (Python): a file of lines `DEVICE TYPE SEED ACKNOWLEDGED STEPS`; for each it
    /// mounts the device, so that its journal is replayed, compares, and prints `ok DEVICE` or
    /// `bad DEVICE why`.
    public static let check =
        content + """
            import subprocess
            def read(path):
                with open("/mnt/state/" + path, "rb") as file: return file.read()
            def expect(seed, acknowledged, steps):
                log = b"".join(record(step) for step in range(1, steps + 1) if step % 5 == 1)
                sure = len([step for step in range(1, acknowledged + 1) if step % 5 == 1]) * 100
                found = read("log")
                # What was written later may be there in part.
                if found[:sure] != log[:sure] or len(found) < sure: return "log"
                last = acknowledged - acknowledged % 5
                if read("current") not in [content(seed, n) for n in range(last, steps + 1, 5)]:
                    return "current is not of step %d or later" % last
                for step in range(1, acknowledged + 1):
                    if step % 5 > 1 and read("files/%d" % step) != content(seed, step):
                        return "files/%d differs" % step
            os.makedirs("/mnt/state")
            for line in open(sys.argv[1]):
                device, kind, seed, acknowledged, steps = line.split()
                done = subprocess.run(
                    ["mount", "-t", kind, device, "/mnt/state"], capture_output=True)
                if done.returncode:
                    print("bad", device, "mount:", done.stderr.decode().replace("\\n", " "))
                    continue
                try: why = expect(int(seed), int(acknowledged), int(steps))
                except OSError as error: why = str(error)
                done = subprocess.run(["umount", "/mnt/state"], capture_output=True)
                if done.returncode: why = "umount: " + done.stderr.decode().replace("\\n", " ")
                print("bad %s %s" % (device, why) if why else "ok " + device, flush=True)
            """

    private static let content = """
        import os, random, sys
        def content(seed, step):
            return random.Random(seed * 1000003 + step).randbytes(300 + step * 7691 % 40000)
        def record(step): return b"%099d\\n" % step

        """
}
