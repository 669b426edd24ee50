package node

// CheckFree returns an error that wraps ErrLocked if a process uses the data
// directory, which is made if need be.
func CheckFree(dir string) error {
	f, err := lockDir(dir)
	if err != nil {
		return err
	}
	return f.Close()
}
