package lab

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// The drawing, in pixels.
const (
	plotWidth, plotHeight   = 720, 420
	plotLeft, plotRight     = 64, 24
	plotTop, plotBottom     = 48, 52
	curveColor, pointsColor = "#1f5fa8", "#d9822b"
)

// WriteSVG draws the t-visibility curve: the line is computed from the messages
// of all reads, the dots are what reads issued at just that time returned. The
// time is on a logarithmic scale; what is left of the first tick is t = 0.
func (r *Report) WriteSVG(w io.Writer, title string) error {
	p := newPlot(r)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="sans-serif" font-size="12">`+"\n",
		plotWidth, plotHeight, plotWidth, plotHeight)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="white"/>`+"\n", plotWidth, plotHeight)
	fmt.Fprintf(&b, `<text x="%d" y="24" font-size="15">%s</text>`+"\n", plotLeft, escape(title))
	p.axes(&b)
	p.curve(&b, r)
	fmt.Fprintln(&b, "</svg>")
	_, err := io.WriteString(w, b.String())
	return err
}

// plot maps times and probabilities to pixels.
type plot struct {
	firstMs, lastMs float64 // of the logarithmic scale
	low             float64 // the least probability shown
}

func newPlot(r *Report) plot {
	p := plot{firstMs: 0.1, lastMs: 1, low: math.Floor(r.ConsistentAtCommit*10-0.5) / 10}
	if len(r.Curve) > 1 {
		p.firstMs, p.lastMs = r.Curve[1].AfterMs, r.Curve[len(r.Curve)-1].AfterMs
	}
	if p.low >= 0.9 {
		p.low = math.Floor(r.ConsistentAtCommit*100-0.5) / 100
	}
	p.low = min(max(p.low, 0), 0.99)
	return p
}

// zeroWidth is the part of the axis that belongs to t = 0.
const zeroWidth = 24

func (p plot) x(ms float64) float64 {
	if ms <= 0 {
		return plotLeft
	}
	span := float64(plotWidth - plotLeft - plotRight - zeroWidth)
	return plotLeft + zeroWidth + span*math.Log(ms/p.firstMs)/math.Log(p.lastMs/p.firstMs)
}

func (p plot) y(share float64) float64 {
	span := float64(plotHeight - plotTop - plotBottom)
	return plotTop + span*(1-share)/(1-p.low)
}

func (p plot) axes(b *strings.Builder) {
	bottom := plotHeight - plotBottom
	for i := range 6 {
		share := p.low + (1-p.low)*float64(i)/5
		fmt.Fprintf(b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%.4g</text>`+"\n",
			plotLeft, plotWidth-plotRight, p.y(share), p.y(share), plotLeft-6, p.y(share)+4, share)
	}
	tick := func(ms float64, label string) {
		fmt.Fprintf(b, `<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="#888"/><text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n",
			p.x(ms), p.x(ms), bottom, bottom+5, p.x(ms), bottom+18, label)
	}
	tick(0, "0")
	for e := math.Ceil(math.Log10(p.firstMs)); math.Pow(10, e) <= p.lastMs; e++ {
		tick(math.Pow(10, e), fmt.Sprintf("%g", math.Pow(10, e)))
	}
	fmt.Fprintf(b, `<line x1="%d" x2="%d" y1="%d" y2="%d" stroke="#444"/>`+"\n", plotLeft, plotWidth-plotRight, bottom, bottom)
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="middle">time between the commit of a write and the read, ms</text>`+"\n",
		(plotLeft+plotWidth-plotRight)/2, plotHeight-12)
	fmt.Fprintf(b, `<text transform="translate(16,%d) rotate(-90)" text-anchor="middle">probability that the read sees the write</text>`+"\n",
		(plotTop+bottom)/2)
}

func (p plot) curve(b *strings.Builder, r *Report) {
	var points []string
	for _, c := range r.Curve {
		points = append(points, fmt.Sprintf("%.1f,%.1f", p.x(c.AfterMs), p.y(max(c.Consistent, p.low))))
	}
	fmt.Fprintf(b, `<polyline fill="none" stroke="%s" stroke-width="2" points="%s"/>`+"\n", curveColor, strings.Join(points, " "))
	for _, c := range r.Curve {
		if share := float64(c.Fresh) / float64(max(c.Reads, 1)); c.Reads > 0 && share >= p.low {
			fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="2.5" fill="%s"/>`+"\n", p.x(c.AfterMs), p.y(share), pointsColor)
		}
	}
}

func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}
