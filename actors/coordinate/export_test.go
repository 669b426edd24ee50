package coordinate

// SetMaxPending makes a coordinator small.
func (s *Coordinator) SetMaxPending(n int) { s.cfg.MaxPending = n }
