import FileSystemLab
import Glibc
import Platform
import Testing

@Suite struct LoopbackPortTests {
    private func isRefused(_ port: LoopbackPort) -> Bool {
        do {
            _ = try StreamSocket.connect(address: 0x7f00_0001, port: port.number)
            return false
        } catch { return error.errno == ECONNREFUSED }
    }

    @Test func `a port is kept before, between and after its listeners`() throws {
        let port = try LoopbackPort()
        #expect(isRefused(port))
        for _ in 0..<2 {
            let listener = try port.listen()
            #expect(!isRefused(port))
            StreamSocket.stopListening(listener)
            #expect(isRefused(port))
            // Not even who asks for it gets it from another one that does not share.
            #expect(throws: SystemError.self) { try bound(to: port.number) }
        }
    }

    private func bound(to port: UInt16) throws(SystemError) {
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        let socket = OwnedFD(taking: socket(AF_INET, kind, 0))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket.raw, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if result != 0 { throw SystemError(errno: errno, call: "bind") }
    }
}
