package httpd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// writeJSON answers with one of this package's own, small bodies.
func writeJSON(w http.ResponseWriter, status int, body any) {
	b, err := json.Marshal(body)
	if err != nil {
		panic(err) // our own types
	}
	writeBody(w, status, "application/json", append(b, '\n'))
}

func writeBody(w http.ResponseWriter, status int, media string, body []byte) {
	writeHead(w, status, media, len(body))
	_, _ = w.Write(body) // the client may have gone
}

func writeHead(w http.ResponseWriter, status int, media string, length int) {
	w.Header().Set("Content-Type", media)
	w.Header().Set("Content-Length", fmt.Sprint(length))
	w.WriteHeader(status)
}

// pieceBytes is what a client has Config.WriteTimeout to take.
const pieceBytes = 64 << 10

// writeValue answers with a body that holds values. A large one counts against
// Config.BufferBytes for as long as the client takes, and a client that does not
// take the next piece in time is cut off: else a few that stopped reading would
// hold any amount of memory.
func (s *Server) writeValue(w http.ResponseWriter, status int, media string, body []byte) {
	if len(body) <= freeBody {
		writeBody(w, status, media, body)
		return
	}
	done, ok := s.reserve(int64(len(body)))
	if !ok {
		clear(w.Header()) // it spoke of the value
		unavailable(w, codeBusy, "the node is giving out too many large values")
		return
	}
	defer done()
	writeHead(w, status, media, len(body))
	conn := http.NewResponseController(w)
	for len(body) > 0 {
		n := min(len(body), pieceBytes)
		_ = conn.SetWriteDeadline(time.Now().Add(s.cfg.WriteTimeout)) // a recorder in a test has none
		if _, err := w.Write(body[:n]); err != nil {
			return // and the server closes the connection
		}
		body = body[n:]
	}
}

// reserve takes memory for a large body out of Config.BufferBytes; done gives it back.
func (s *Server) reserve(share int64) (done func(), ok bool) {
	if s.big.Add(share) > s.cfg.BufferBytes {
		s.big.Add(-share)
		return nil, false
	}
	return func() { s.big.Add(-share) }, true
}

// appendString appends a JSON string. What HTML would want escaped stays as it
// is: it would take six times the room.
func appendString(b []byte, s string) []byte {
	buf := bytes.NewBuffer(b)
	e := json.NewEncoder(buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic(err) // strings always encode
	}
	return buf.Bytes()[:buf.Len()-1] // without the line's end
}
