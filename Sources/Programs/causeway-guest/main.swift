import GuestCore

Agent.run()
