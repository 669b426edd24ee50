package main

// pidFileName is written by every node into its data directory.
const pidFileName = "quorate.pid"

func (c *cluster) writeConfigs() error { return nil }
