package other

import "errors"

var ErrClosed = errors.New("closed")

// determinism: a test is about it
var Shared = struct{ Count int }{1}
