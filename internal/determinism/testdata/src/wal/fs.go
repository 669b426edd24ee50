package wal

import "os" // want `import of os: `

func open2() (*os.File, error) { return os.Open("x") }
