package wal

import "io"

// window reads a file through one buffer that slides over it.
type window struct {
	file  File
	size  int64
	start int64
	buf   []byte // the file's bytes from start on
}

// windowBytes is how much is read at a time.
const windowBytes = 1 << 20

func newWindow(f File) (*window, error) {
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	return &window{file: f, size: size}, nil
}

// view returns the n bytes at offset, fewer at the end of the file. They are valid until the next call.
func (w *window) view(offset int64, n int) ([]byte, error) {
	if offset >= w.size {
		return nil, nil
	}
	n = int(min(int64(n), w.size-offset))
	if offset < w.start || offset+int64(n) > w.start+int64(len(w.buf)) {
		if err := w.load(offset, n); err != nil {
			return nil, err
		}
	}
	at := offset - w.start
	return w.buf[at : at+int64(n)], nil
}

func (w *window) load(offset int64, n int) error {
	want := int(min(max(int64(n), windowBytes), w.size-offset))
	if cap(w.buf) < want {
		w.buf = make([]byte, want)
	}
	w.buf, w.start = w.buf[:want], offset
	got, err := w.file.ReadAt(w.buf, offset)
	if got == want {
		return nil
	}
	w.buf = w.buf[:0]
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	return err
}
