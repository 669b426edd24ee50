package httpd

import (
	"fmt"
	"net/http"

	"github.com/quoratedb/quorate/actors/kv"
)

// The error codes. Only unknown_outcome leaves open whether a write took
// effect; after every other one it did not, and never will.
const (
	codeBadRequest  = "bad_request"
	codeNoRoute     = "no_such_path"
	codeMethod      = "method_not_allowed"
	codeCondition   = "condition_failed"
	codeTooLarge    = "too_large"
	codeMedia       = "unsupported_media_type"
	codeSlow        = "too_slow"
	codeNotInteger  = "not_an_integer"
	codeOverflow    = "overflow"
	codeUnknown     = "unknown_outcome"
	codeUnavailable = "unavailable"
	codeBusy        = "busy"
	codeRefused     = "refused"
	codeNoBucket    = "no_such_bucket"
	codeBadBucket   = "bad_bucket"
	codeExists      = "bucket_exists"
	codeNoRoom      = "too_many_buckets"
)

// errorBody is the body of every error but "not found".
type errorBody struct {
	Error   string `json:"error" doc:"What kind of error." enum:"bad_request,no_such_path,method_not_allowed,condition_failed,too_large,unsupported_media_type,too_slow,not_an_integer,overflow,unknown_outcome,unavailable,busy,refused,no_such_bucket,bad_bucket,bucket_exists,too_many_buckets"`
	Message string `json:"message" doc:"What was wrong, and what is allowed."`
}

// notFoundBody is what an absent key is answered with.
type notFoundBody struct {
	Found   bool   `json:"found" doc:"Always false."`
	Context string `json:"context,omitempty" doc:"Of a key that was deleted, in a bucket of mode eventual."`
}

func writeError(w http.ResponseWriter, status int, code, message string) {
	writeJSON(w, status, errorBody{Error: code, Message: message})
}

func badRequest(w http.ResponseWriter, format string, args ...any) {
	writeError(w, http.StatusBadRequest, codeBadRequest, fmt.Sprintf(format, args...))
}

// writeStatus answers an operation that did not succeed.
func (s *Server) writeStatus(w http.ResponseWriter, r *kv.Result) {
	switch r.Status {
	case kv.NotFound:
		none := notFoundBody{}
		if r.Causal != nil {
			none.Context = r.Causal.Context
		}
		writeJSON(w, http.StatusNotFound, none)
	case kv.CondFailed:
		writeError(w, http.StatusPreconditionFailed, codeCondition, "the condition of If-Match or If-None-Match does not hold; read the key for its present revision")
	case kv.Unknown:
		writeError(w, http.StatusGatewayTimeout, codeUnknown, "the write may have taken effect or may still; read before writing again")
	case kv.Unavailable:
		unavailable(w, codeUnavailable, "nothing was done: too few of the key's replicas answered in time")
	case kv.NotOwner:
		unavailable(w, codeUnavailable, "nothing was done: the key's owner is changing")
	case kv.Busy:
		unavailable(w, codeBusy, "nothing was done: the node has too many operations waiting")
	case kv.NotInteger:
		writeError(w, http.StatusConflict, codeNotInteger, "the value is not a decimal 64-bit integer")
	case kv.Overflow:
		writeError(w, http.StatusConflict, codeOverflow, "the increment would leave the range of 64-bit integers")
	case kv.TooLarge:
		writeError(w, http.StatusRequestEntityTooLarge, codeTooLarge,
			fmt.Sprintf("key or value too large, the limits are %d and %d bytes", s.limits.KeyBytes, s.limits.ValueBytes))
	case kv.BadRequest:
		if len(r.Data) > 0 {
			writeError(w, http.StatusUnprocessableEntity, codeRefused, string(r.Data))
			return
		}
		badRequest(w, "not a valid operation")
	default:
		panic(fmt.Sprintf("httpd: no answer for status %v", r.Status))
	}
}

func unavailable(w http.ResponseWriter, code, message string) {
	w.Header().Set("Retry-After", "1")
	writeError(w, http.StatusServiceUnavailable, code, message)
}
