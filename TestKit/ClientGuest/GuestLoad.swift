/// What a client's kernel does to a disk that it has attached: shell functions for a guest's
/// script.
public enum GuestLoad {
    /// Functions to put before a script.
    ///
    /// - `wait_for FILE`: until it is there, at most a minute.
    /// - `load FOLDER SEED SECONDS`: a file against a model of it in memory, with reads around the
    ///   cache, cuts, holes and mappings (as fsx does); file and folder operations of every kind
    ///   at once, with verification (as fsstress does); random writes with checksums by fio. Then
    ///   a tree of 60 files. Prints `sum SHA-256 PATH` for each file that it left, after a sync.
    public static let functions = """
        wait_for() {
            for try in $(seq 1200); do [ ! -e "$1" ] || return 0; sleep 0.05; done
            echo "no $1" >&2
            return 1
        }
        load() {
            (
                cd "$1"
                mkdir load tree
                printf '%s' "$against_model" >/run/against-model
                python3 /run/against-model load/model "$2" 500
                stress-ng --quiet --verify --temp-path load --timeout "$3" --seed "$2" \\
                    --dir 1 --dir-ops 400 --rename 1 --rename-ops 400 --link 1 --link-ops 60 \\
                    --symlink 1 --symlink-ops 60 --dentry 1 --dentry-ops 2000 \\
                    --fallocate 1 --fallocate-bytes 4m --fallocate-ops 60 \\
                    --hdd 1 --hdd-bytes 8m --hdd-ops 200 --seek 1 --seek-size 4m --seek-ops 300
                (
                    cd load
                    fio --name=checked --size=8m --rw=randwrite --bsrange=512-64k --randseed="$2" \\
                        --end_fsync=1 --verify=crc32c --do_verify=1 --verify_fatal=1 \\
                        --invalidate=1 --output=/run/fio.log || { cat /run/fio.log; exit 1; }
                )
                for number in $(seq 60); do
                    head -c $((number * number * 97)) /dev/urandom >"tree/$number"
                done
                sync -f .
                find load tree -type f | sort | xargs sha256sum | sed 's/^/sum /'
            )
        }
        against_model='\(model)'

        """

    /// A script's part that starts iSCSI's daemon, which logs in with these names and passwords
    /// (CHAP), with digests; with the target's own it asks for them (mutual CHAP).
    public static func iscsi(
        user: String, _ password: String, target: String? = nil, _ targetPassword: String = ""
    ) -> String {
        // Discovery is asked for the same as what it finds.
        let logins = ["node.session", "discovery.sendtargets"].map { scope in
            var lines = [
                "\(scope).auth.authmethod = CHAP", "\(scope).auth.username = \(user)",
                "\(scope).auth.password = \(password)",
            ]
            if let target {
                lines += [
                    "\(scope).auth.username_in = \(target)",
                    "\(scope).auth.password_in = \(targetPassword)",
                ]
            }
            return lines.joined(separator: "\n")
        }
        return """
            cat >/etc/iscsi/iscsid.conf <<-'END'
            iscsid.startup = /usr/sbin/iscsid
            node.startup = manual
            \(logins.joined(separator: "\n"))
            node.session.auth.chap_algs = SHA3-256,SHA256,SHA1,MD5
            node.session.cmds_max = 128
            node.session.queue_depth = 32
            node.session.timeo.replacement_timeout = 60
            node.conn[0].timeo.login_timeout = 30
            node.conn[0].iscsi.HeaderDigest = CRC32C
            node.conn[0].iscsi.DataDigest = CRC32C
            END
            echo InitiatorName=iqn.2026-11.localhost.guest:client >/etc/iscsi/initiatorname.iscsi
            iscsid -f >/run/iscsid.log 2>&1 &

            """
    }

    /// A file and its model in memory; ends with an error where they differ.
    private static let model = """
        import mmap, os, random, sys
        path, seed, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
        chance, limit, model = random.Random(seed), 1 << 20, bytearray()
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        def expect(step, at, length):
            if os.pread(file, length, at) != bytes(model[at:at + length]):
                sys.exit("step %d: %d bytes at %d differ" % (step, length, at))
        for step in range(count):
            kind, at = chance.randrange(9), chance.randrange(limit)
            length = min(chance.randrange(1, 1 << 16), limit - at)
            if kind < 3 or kind == 4:
                if kind == 4: at, length = at & -4096, max(4096, length & -4096)
                data = chance.randbytes(length)
                if os.pwrite(file, data, at) != length: sys.exit("step %d: short write" % step)
                model.extend(bytes(max(0, at - len(model))))
                model[at:at + length] = data
            elif kind == 3: expect(step, at, length)
            elif kind == 5 and chance.randrange(4) == 0:
                os.ftruncate(file, at)
                del model[at:]
                model.extend(bytes(at - len(model)))
            elif kind == 6:
                os.posix_fallocate(file, at, length)
                model.extend(bytes(max(0, at + length - len(model))))
            elif kind == 7 and at < len(model):
                length = min(length, len(model) - at)
                data = chance.randbytes(length)
                with mmap.mmap(file, len(model)) as view: view[at:at + length] = data
                model[at:at + length] = data
            elif kind == 8 and chance.randrange(8) == 0:
                os.fsync(file)
                os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
                expect(step, 0, limit)
        expect(count, 0, limit)
        if os.fstat(file).st_size != len(model): sys.exit("the size differs")
        """
}
