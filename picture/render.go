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

	d := detail{heartbeats: true, background: true, notes: true}
	left := struct{ heartbeats, background int }{}
	left.heartbeats, left.background = b.messages(flights, d)
	for _, less := range []func(){
		func() { d.heartbeats = false },
		func() { d.background = false },
		func() { b.leaveOut("what the messages carry"); d.notes = false },
		func() { b.leaveOut("the checker's own picture"); b.page.Porcupine = "" },
		func() { b.leaveOut("the votes of each round"); b.dropTallies(flights) },
		func() { b.leaveOut("the messages"); flights = nil },
	} {
		html, err := b.html(left.heartbeats, left.background)
		if err != nil || len(html) <= limit {
			return html, err
		}
		less()
		left.heartbeats, left.background = b.messages(flights, d)
	}
	html, err := b.html(0, 0)
	if err == nil && len(html) > limit {
		err = fmt.Errorf("a run of %d operations does not fit into %d bytes: draw a shorter one, --shrink makes one", len(r.History), limit)
	}
	return html, err
}

func (b *builder) leaveOut(what string) {
	b.page.Meta.LeftOut = append(b.page.Meta.LeftOut, what)
}

func (b *builder) dropTallies(all []*flight) {
	b.page.Tallies = []tally{}
	for _, f := range all {
		f.tallies = nil
	}
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
