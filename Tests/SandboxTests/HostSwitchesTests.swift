import Testing

@testable import Sandbox

@Suite struct HostSwitchesTests {
    @Test func `names the switch that allows no namespaces`() {
        let none = Sandbox.Switches(unprivilegedClone: nil, maximum: 0)
        let error = SandboxError.userNamespacesOff(
            switch: "user.max_user_namespaces", needs: "15000")
        #expect(none.obstacle(user: 1000) == error)
        #expect(none.obstacle(user: 0) == error)
        #expect(error.description.contains("sysctl user.max_user_namespaces=15000"))
    }

    @Test func `Debian's switch stops ordinary users alone`() {
        let off = Sandbox.Switches(unprivilegedClone: 0, maximum: 1000)
        #expect(
            off.obstacle(user: 1000)
                == .userNamespacesOff(switch: "kernel.unprivileged_userns_clone", needs: "1"))
        #expect(off.obstacle(user: 0) == nil)
    }

    @Test func `a kernel without the switches is no obstacle`() {
        #expect(Sandbox.Switches(unprivilegedClone: nil, maximum: nil).obstacle(user: 1000) == nil)
    }

    @Test func `a security module that restricts namespaces is named`() {
        let words = "bwrap: setting up uid map: Permission denied\n"
        #expect(
            Sandbox.explain(words, restricted: true)
                == .userNamespacesOff(
                    switch: "kernel.apparmor_restrict_unprivileged_userns", needs: "0"))
        #expect(
            Sandbox.explain(words, restricted: false)
                == .refused("bwrap: setting up uid map: Permission denied"))
    }

    @Test func `a bubblewrap without the options is too old`() {
        #expect(
            Sandbox.explain("bwrap: Unknown option --ro-bind-fd\n", restricted: false)
                == .bubblewrapTooOld)
    }

    @Test func `a host that can confine has nothing to diagnose`() {
        #expect(Sandbox.diagnose() == nil)
    }
}
