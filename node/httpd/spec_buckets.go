package httpd

import "github.com/danielgtaylor/huma/v2"

// siblingsBody is what a read answers with that found several values.
type siblingsBody struct {
	Key       string        `json:"key,omitempty"`
	KeyBase64 string        `json:"key_base64,omitempty"`
	Found     bool          `json:"found" doc:"Always true."`
	Siblings  []siblingBody `json:"siblings" doc:"All values that were written concurrently, the newest first."`
	Context   string        `json:"context,omitempty" doc:"Write with it to replace them all."`
}

type siblingBody struct {
	Value    any    `json:"value"`
	Type     string `json:"type,omitempty"`
	Encoding string `json:"encoding,omitempty" enum:"base64"`
	TS       int64  `json:"ts"`
}

// bucketValueBody, bucketWrittenBody, bucketDeletedBody and bucketCounterBody are
// the answers in a bucket of any mode.
type bucketValueBody struct {
	Key       string `json:"key,omitempty"`
	KeyBase64 string `json:"key_base64,omitempty" doc:"In place of key where the key is not UTF-8."`
	Found     bool   `json:"found" doc:"Always true."`
	Value     any    `json:"value"`
	Encoding  string `json:"encoding,omitempty" enum:"base64"`
	TS        int64  `json:"ts,omitempty" doc:"Unix milliseconds; none in mode abd, and of counters."`
	Rev       string `json:"rev,omitempty" doc:"Mode strong."`
	Context   string `json:"context,omitempty" doc:"Mode eventual: to give back with the write that follows."`
}

type bucketWrittenBody struct {
	Key     string `json:"key,omitempty"`
	OK      bool   `json:"ok"`
	TS      int64  `json:"ts,omitempty"`
	Rev     string `json:"rev,omitempty" doc:"Mode strong."`
	Context string `json:"context,omitempty" doc:"Mode eventual: of what is there after the write, as its coordinator knows."`

	Siblings []siblingBody `json:"siblings,omitempty" doc:"All values that are there after the write, where there are others beside the one written: the context speaks for them too."`
}

type bucketDeletedBody struct {
	Key     string `json:"key,omitempty"`
	OK      bool   `json:"ok"`
	Deleted *bool  `json:"deleted,omitempty" doc:"Mode strong: whether there was a value."`
	Context string `json:"context,omitempty" doc:"Mode eventual."`

	Siblings []siblingBody `json:"siblings,omitempty" doc:"Values that stay, since the context given had not seen them."`
}

type bucketCounterBody struct {
	Key   string `json:"key,omitempty"`
	Value int64  `json:"value" doc:"After the addition; of a counter bucket, as the coordinator knows it."`
	TS    int64  `json:"ts,omitempty"`
	Rev   string `json:"rev,omitempty" doc:"Mode strong."`
}

// addBuckets registers the list of buckets and describes all that has to do
// with buckets; the paths below bucketPrefix are served by bucketPath.
func (s *Server) addBuckets() {
	const one, tag = "/api/v1/buckets/{bucket}", "buckets"
	describe := s.spec.OpenAPI().AddOperation
	name := param("path", "bucket", "The bucket's name.", true)
	s.route(s.operation("GET", "/api/v1/buckets", "listBuckets", "All buckets", tag, bucketsBody{}), s.serveBucketList)
	create := s.operation("POST", "/api/v1/buckets", "createBucket", "Make a bucket", tag, nil, 400, 409, 422, 503, 504)
	delete(create.Responses, "200")
	create.Responses["201"] = &huma.Response{Description: "It is there, and this node acts on it.", Content: s.jsonOf(BucketBody{})}
	create.RequestBody = &huma.RequestBody{Required: true, Content: s.jsonOf(createBody{})}
	s.route(create, s.createBucket)

	show := s.operation("GET", one, "showBucket", "A bucket, and what is true of it now", tag, liveBody{}, 404)
	drop := s.operation("DELETE", one, "dropBucket", "Drop a bucket with all its keys", tag, droppedBody{}, 404, 422, 503, 504)
	ops := []*huma.Operation{show, drop}
	for method, id := range map[string]string{"PATCH": "setBucket", "PUT": "putBucket"} {
		set := s.operation(method, one, id, "Change settings; those that are not given stay", tag, BucketBody{}, 400, 404, 422, 503, 504)
		set.RequestBody = &huma.RequestBody{Required: true, Content: s.jsonOf(SettingsBody{})}
		ops = append(ops, set)
	}
	for _, op := range ops {
		op.Parameters = []*huma.Param{name}
		if op.Responses["404"] != nil {
			op.Responses["404"] = s.errorResponse("There is no such bucket; the message names those that there are.")
		}
		describe(op)
	}
	s.describeBucketKeys(name)
}

func (s *Server) errorResponse(text string) *huma.Response {
	return &huma.Response{Description: text, Content: s.jsonOf(errorBody{})}
}

// describeBucketKeys describes the keys of a bucket.
func (s *Server) describeBucketKeys(bucket *huma.Param) {
	const path, tag = "/api/v1/buckets/{bucket}/kv/{key}", "buckets"
	key := param("path", "key", "The rest of the path, percent-encoded; slashes may stay as they are.", true)
	ask := func(name, what string) *huma.Param {
		return param("query", name, what+": 1 to N, one, quorum, all, local_quorum or each_quorum. Mode eventual only; the bucket's setting if left out.", false)
	}
	r, wr := ask("r", "Answers that the read waits for"), ask("w", "Acknowledgements that the write waits for")
	ttl := param("query", "ttl", "Life of the value, such as 30s; 0s is for ever. Modes eventual and abd; the bucket's setting if left out.", false)
	context := param("header", contextHeader, "Mode eventual: the causal context of the read that this write follows from. What it has seen is replaced, what it has not stays beside it.", false)
	match := param("header", "If-Match", `Mode strong: "rev" as returned in ETag, or * for any value`, false)
	none := param("header", "If-None-Match", "Mode strong: * to create only (PUT); a rev to skip an unchanged value (GET)", false)
	add := func(op *huma.Operation, params ...*huma.Param) {
		op.Parameters = append([]*huma.Param{bucket, key}, params...)
		s.spec.OpenAPI().AddOperation(op)
	}
	get := s.operation("GET", path, "getInBucket", "Read a value", tag, bucketValueBody{}, 400, 404, 412, 413, 422, 503)
	get.Responses["300"] = &huma.Response{Description: "Several values were written concurrently: mode eventual, policy siblings.", Content: s.jsonOf(siblingsBody{})}
	get.Responses["304"] = &huma.Response{Description: "Mode strong: the value still has the revision of If-None-Match."}
	add(get, r, match, none, param("header", "Accept", "application/octet-stream or text/plain: the bytes themselves, if there is one value", false))

	put := s.operation("PUT", path, "putInBucket", "Write a value", tag, bucketWrittenBody{}, 400, 404, 412, 413, 415, 422, 503, 504)
	put.RequestBody = &huma.RequestBody{Description: "text/plain and application/octet-stream bodies are taken as the value itself.", Required: true, Content: s.jsonOf(envelope{})}
	add(put, wr, ttl, context, match, none)

	del := s.operation("DELETE", path, "deleteInBucket", "Delete a key", tag, bucketDeletedBody{}, 400, 404, 412, 413, 422, 503, 504)
	del.RequestBody = &huma.RequestBody{Content: s.jsonOf(deleteBody{})}
	add(del, wr, context, match)

	incr := s.operation("POST", path+"/incr", "incrInBucket", "Add to a number", tag, bucketCounterBody{}, 400, 404, 409, 413, 422, 503, 504)
	incr.RequestBody = &huma.RequestBody{Content: s.jsonOf(incrBody{})}
	add(incr, wr, param("query", "by", "What to add, in place of a body; 1 if left out.", false))
	for _, op := range []*huma.Operation{put, del, incr} {
		op.Responses["404"] = s.errorResponse("There is no such bucket; the message names those that there are.")
	}
	get.Responses["404"].Description = "There is no such key (then found is false), or no such bucket."
}
