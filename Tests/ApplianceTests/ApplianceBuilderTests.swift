import Platform
import Testing

@testable import Appliance

@Suite struct ApplianceBuilderTests {
    private func build(agent: String, in folder: TemporaryFolder) throws {
        let request = BuildRequest(
            kinds: [.uml], flavour: .own, output: "\(folder.path)/out",
            cache: "\(folder.path)/cache", agent: agent, blocksAgent: agent, jobs: 1)
        _ = try ApplianceBuilder(request) { _ in }.build()
    }

    @Test func `an agent that is missing or no program ends the build before it begins`() throws {
        let folder = try TemporaryFolder()
        try folder.write("script", "#!/bin/sh\n")
        for agent in ["\(folder.path)/none", "\(folder.path)/script"] {
            let error = #expect(throws: ApplianceError.self) { try build(agent: agent, in: folder) }
            #expect(error?.remedy.contains("--agent") == true)
        }
        #expect(!Files.exists("\(folder.path)/cache"))
        #expect(!Files.exists("\(folder.path)/out"))
    }
}
