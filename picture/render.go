package picture

import (
	"bytes"
	"compress/gzip"
	"embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/quoratedb/quorate/linearizability"
	"github.com/quoratedb/quorate/sim"
)

//go:embed assets
var assets embed.FS

// scripts are run in this order; they share one scope.
var scripts = []string{"data.js", "view.js", "draw.js", "hit.js", "panel.js", "main.js"}

// render builds the page and leaves out ever more until it takes at most limit bytes.
func render(r *sim.Result, o Options, limit int) ([]byte, error) {
	b := newBuilder(r, o)
	b.ops()
	verdict := b.offences()
	b.nodes()
	b.faults()
	b.owners()
	flights := b.flights()
	b.tallies(flights)
	b.page.Porcupine = porcupine(r, verdict)

	f := fitting{b: b, flights: flights, d: detail{heartbeats: true, background: true, upkeep: true, notes: true}}
	for _, less := range f.steps(verdict.Answer == linearizability.Illegal) {
		f.heartbeats, f.background, f.upkeep = b.messages(f.flights, f.d)
		html, err := b.html(&f, limit)
		if !errors.Is(err, errTooLarge) {
			return html, err
		}
		less()
	}
	return nil, fmt.Errorf("a run of %d operations does not fit into %d bytes: draw a shorter one, --shrink makes one", len(r.History), limit)
}

// errTooLarge says that a page takes more bytes than it may.
var errTooLarge = errors.New("the page is too large") // immutable

// html is the page as it stands, if it takes at most limit bytes.
func (b *builder) html(f *fitting, limit int) ([]byte, error) {
	p := b.page
	leftOut := func(n int, what string) {
		if n > 0 {
			p.Meta.LeftOut = append(slices.Clip(p.Meta.LeftOut), fmt.Sprintf("%d %s", n, what))
		}
	}
	leftOut(f.heartbeats, "heartbeats")
	leftOut(f.background, "background messages")
	leftOut(f.upkeep, "messages of hints, anti-entropy and the map")
	packed, err := pack(&p, limit)
	if err != nil {
		return nil, err
	}
	style, err := assets.ReadFile("assets/style.css")
	if err != nil {
		return nil, err
	}
	var script strings.Builder
	for _, name := range scripts {
		text, err := assets.ReadFile("assets/" + name)
		if err != nil {
			return nil, err
		}
		script.Write(text)
	}
	t, err := template.ParseFS(assets, "assets/page.html")
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = t.Execute(&out, struct {
		Title  string
		Style  template.CSS
		Script template.JS
		Data   template.HTML
	}{fmt.Sprintf("seed %s: %s", p.Meta.Seed, p.Meta.Verdict), template.CSS(style), template.JS(script.String()), template.HTML(packed)})
	if err == nil && out.Len() > limit {
		err = errTooLarge
	}
	return out.Bytes(), err
}

// capped takes at most so many bytes, so that nobody compresses what is far too much.
type capped struct {
	bytes.Buffer
	limit int
}

func (c *capped) Write(p []byte) (int, error) {
	if c.Len()+len(p) > c.limit {
		return 0, errTooLarge
	}
	return c.Buffer.Write(p)
}

// pack encodes the data so that it fits into a page: JSON, gzip, base64.
func pack(p *page, limit int) (string, error) {
	out := capped{limit: limit}
	to64 := base64.NewEncoder(base64.StdEncoding, &out)
	zip, err := gzip.NewWriterLevel(to64, gzip.BestCompression)
	if err != nil {
		return "", err
	}
	if err := json.NewEncoder(zip).Encode(p); err != nil {
		return "", err
	}
	if err := zip.Close(); err != nil {
		return "", err
	}
	if err := to64.Close(); err != nil {
		return "", err
	}
	return out.String(), nil
}

// porcupine is the checker's own picture of the run, as a page; "" if it can't
// be drawn, which takes nothing from the verdict.
func porcupine(r *sim.Result, v linearizability.Verdict) string {
	h := r.Linear()
	if len(h) == 0 {
		return ""
	}
	var page bytes.Buffer
	if err := linearizability.WriteHTML(&page, h, linearizability.KV, v); err != nil {
		return ""
	}
	return page.String()
}
