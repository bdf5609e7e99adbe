import GuestCore

Agent.run(blocks: GuestBlocks())
