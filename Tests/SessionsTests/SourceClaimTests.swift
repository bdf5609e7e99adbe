import Platform
import Testing

@testable import Sessions

@Suite struct SourceClaimTests {
    @Test func `a second opener is refused, also for reading`() throws {
        let temporary = try TemporaryFolder()
        let registry = SessionRegistry(folders: temporary.folders)
        let path = try temporary.file("disk.img")
        let first = try SourceClaim(path: path, writing: false, registry: registry)
        let error = #expect(throws: SessionError.self) {
            _ = try SourceClaim(path: path, writing: false, registry: registry)
        }
        #expect(error?.exit == .busy)
        withExtendedLifetime(first) {}
    }

    @Test func `a claim ends with its holder`() throws {
        let temporary = try TemporaryFolder()
        let registry = SessionRegistry(folders: temporary.folders)
        let path = try temporary.file("disk.img")
        _ = try SourceClaim(path: path, writing: true, registry: registry)
        let isFree = try soon {
            (try? SourceClaim(path: path, writing: true, registry: registry)) != nil
        }
        #expect(isFree)
    }

    @Test(arguments: ["/nonexistent/disk.img", "/tmp", "/dev/null"])
    func `what is no file or disk is refused with a remedy`(path: String) throws {
        let temporary = try TemporaryFolder()
        let registry = SessionRegistry(folders: temporary.folders)
        let error = #expect(throws: SessionError.self) {
            _ = try SourceClaim(path: path, writing: false, registry: registry)
        }
        #expect(error?.exit == .sourceUnusable)
        #expect(error?.remedy.isEmpty == false)
    }
}
