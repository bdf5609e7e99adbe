import Testing

@testable import Appliance

@Suite struct KernelConfigurationTests {
    private func configuration(_ text: String) -> KernelConfiguration {
        KernelConfiguration(bytes: Array(text.utf8))
    }

    @Test func `a wish that did not take is named`() {
        let wishes = configuration(
            "# a comment\nCONFIG_A=y\nCONFIG_B=n\nCONFIG_C=\"text\"\nCONFIG_D=y\nCONFIG_E=n\n")
        let finished = "CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=\"text\"\nCONFIG_E=y\n"
        #expect(wishes.unfulfilled(in: finished) == ["CONFIG_D=y", "CONFIG_E=n"])
        #expect(wishes.unfulfilled(in: finished + "CONFIG_D=y\n") == ["CONFIG_E=n"])
    }

    @Test func `the program carries its configuration, each option once`() {
        let options = KernelConfiguration.userModeLinux.wishes.map(\.option)
        #expect(options.contains("CONFIG_NFSD"))
        #expect(Set(options).count == options.count)
    }

    @Test(arguments: [
        "HOSTFS", "MODULES", "MCONSOLE", "BLK_DEV_UBD", "NAMESPACES", "XTERM_CHAN", "PORT_CHAN",
        "UML_NET_SLIRP", "UML_NET_DAEMON", "RAID6_PQ_BENCHMARK", "DEVMEM", "NFSD_V4",
    ])
    func `what reaches into the host or costs time is off`(option: String) {
        let wishes = KernelConfiguration.userModeLinux.wishes
        #expect(wishes.first { $0.option == "CONFIG_\(option)" }?.value ?? "n" == "n")
    }
}
