package clocks

import . "time"

func dot() { Sleep(1) } // want `time.Sleep: `
