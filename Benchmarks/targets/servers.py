"""Servers that the benchmarks of block targets start, ask for their costs, and stop."""
import json, os, shlex, signal, subprocess, sys, time
from pathlib import Path

MIB = 1 << 20
TICKS = os.sysconf("SC_CLK_TCK")


class Server:
    """One running server, whose process is `pid`."""

    def __init__(self, pid):
        self.pid = pid

    def cpu_seconds(self):
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def peak_mib(self):
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
        return 0


class Foreground(Server):
    """A peer; `words` start it in the foreground, `probe` says whether it answers."""

    def __init__(self, words, probe):
        self.process = subprocess.Popen([str(word) for word in words], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        super().__init__(self.process.pid)
        for _ in range(200):
            if self.process.poll() is not None:
                sys.exit(f"did not start: {shlex.join(map(str, words))}")
            if probe():
                return
            time.sleep(0.05)
        self.stop()
        sys.exit(f"is not ready: {shlex.join(map(str, words))}")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Exported(Server):
    """Us: `causeway export`, which returns when clients can connect."""

    def __init__(self, causeway, file, *words):
        self.causeway = causeway
        record = json.loads(subprocess.run(
            [causeway, "export", str(file), "--write", "--json", *map(str, words)], check=True,
            stdout=subprocess.PIPE).stdout)
        self.id, self.url = record["id"], record["urls"][0]
        super().__init__(self._inner(record["processes"].get("targets")
                                     or record["processes"]["machine"]))

    @staticmethod
    def _inner(pid):
        """The process inside the sandbox: the last of the line of children."""
        while True:
            below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            if not below:
                return pid
            pid = int(below[-1])

    def stop(self):
        subprocess.run([self.causeway, "unmount", self.id], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)


def find_causeway(named):
    """The program to measure: the one named, or this tree's release build."""
    tree = Path(__file__).resolve().parents[2]
    program = Path(named or tree / ".build/release/causeway")
    if not program.exists():
        sys.exit(f"{program} is not there: make build")
    return str(program)
