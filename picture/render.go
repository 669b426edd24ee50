package picture

import (
	"bytes"
	"compress/gzip"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
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

	f := fitting{b: b, flights: flights, d: detail{heartbeats: true, background: true, notes: true}}
	for _, less := range f.steps(verdict.Answer == linearizability.Illegal) {
		f.heartbeats, f.background = b.messages(f.flights, f.d)
		html, err := b.html(f.heartbeats, f.background)
		if err != nil || len(html) <= limit {
			return html, err
		}
		less()
	}
	return nil, fmt.Errorf("a run of %d operations does not fit into %d bytes: draw a shorter one, --shrink makes one", len(r.History), limit)
}

// html is the page as it stands.
func (b *builder) html(heartbeats, background int) ([]byte, error) {
	p := b.page
	if heartbeats > 0 {
		p.Meta.LeftOut = append(p.Meta.LeftOut, fmt.Sprintf("%d heartbeats", heartbeats))
	}
	if background > 0 {
		p.Meta.LeftOut = append(p.Meta.LeftOut, fmt.Sprintf("%d background messages", background))
	}
	packed, err := pack(&p)
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
	return out.Bytes(), err
}

// pack encodes the data so that it fits into a page: JSON, gzip, base64.
func pack(p *page) (string, error) {
	var out bytes.Buffer
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
	if len(r.History) == 0 {
		return ""
	}
	var page bytes.Buffer
	if err := linearizability.WriteHTML(&page, r.History, linearizability.KV, v); err != nil {
		return ""
	}
	return page.String()
}
