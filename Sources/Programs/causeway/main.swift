// The causeway program. Hidden first words start the processes of a session, before anything
// else has run: the bridge must enter its namespaces while it has one thread.
import ArgumentParser
import Bridge
import Glibc
import LocalDisk
import Sessions
import Targets

switch CommandLine.arguments.dropFirst().first {
case "_bridge": exit(BridgeProcess.run(control: 3, log: 2))
case "_targets": exit(TargetProcess.run())
case DeviceFlush.word: exit(DeviceFlush.serve())
case "_session": exit(SessionProcess.run())
default:
    CausewayCommand.main()
    exit(Output.finish())
}
