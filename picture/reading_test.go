package picture_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
)

func text(b *browser, id string) string {
	b.t.Helper()
	return ask[string](b, fmt.Sprintf(`$(%q).textContent`, id))
}

func TestReadingAFailure(t *testing.T) {
	b := openBrowser(t, file(t, doctored(t, 2)), 1500, 900, "light")
	require.Equal(t, "violation", text(b, "verdict"))
	require.Contains(t, text(b, "story"), "a stale read")
	require.Contains(t, text(b, "story"), "quorate sim --seed 1")
	offences := ask[int](b, `M.offences.filter(o => !o.p).length`)
	require.GreaterOrEqual(t, offences, 2)
	require.True(t, ask[bool](b, `M.offences.every(o => o.op < 0 || M.ops.at[o.op] >= view.from && M.ops.end[o.op] <= view.to)`),
		"the page opens on the whole stretch")
	b.shot("failure-light")
	for _, part := range []struct {
		name string
		test func(*testing.T, *browser)
	}{{"moving", moving}, {"offences", goingThroughOffences}, {"search", searching}, {"pointing", pointing}, {"tabs", tabs}, {"help", help}, {"names", names}} {
		t.Run(part.name, func(t *testing.T) {
			own := *b
			own.t = t
			part.test(t, &own)
		})
	}
	b.clean()
}

func moving(t *testing.T, b *browser) {
	b.key("f")
	require.InDelta(t, ask[float64](b, `M.meta.end`), b.span(), 1, "fit shows the whole run")
	all := b.span()
	b.key("+")
	require.Less(t, b.span(), all)
	from := ask[float64](b, `view.from`)
	b.key(kb.ArrowRight)
	require.Greater(t, ask[float64](b, `view.from`), from)
	b.key(kb.ArrowLeft)
	require.InDelta(t, from, ask[float64](b, `view.from`), 1)
	b.key("-")
	require.InDelta(t, all, b.span(), 1)

	at := ask[float64](b, `timeAt(600)`)
	b.do(input.DispatchMouseEvent(input.MouseWheel, 600, 300+ask[float64](b, `$("picture").getBoundingClientRect().top`)).WithDeltaX(0).WithDeltaY(-240))
	b.drawn()
	require.Less(t, b.span(), all, "the wheel zooms")
	require.InDelta(t, at, ask[float64](b, `timeAt(600)`), all/500, "what is under the pointer stays there")
	b.do(chromedp.Click("#fit"))
	b.drawn()
	require.InDelta(t, all, b.span(), 1)
}

func goingThroughOffences(t *testing.T, b *browser) {
	picked := `view.offence + " " + view.picked.i + " " + document.querySelectorAll("[data-offence][aria-current=true]").length`
	b.key("o")
	first := ask[string](b, picked)
	require.True(t, strings.HasSuffix(first, " 1"), first)
	b.key("n")
	require.NotEqual(t, first, ask[string](b, picked))
	require.Contains(t, text(b, "status"), "selected: ")
	b.key("p")
	require.Equal(t, first, ask[string](b, picked))
	op := ask[int](b, `view.picked.i`)
	b.key("[")
	require.Equal(t, ask[int](b, fmt.Sprintf(`M.ops.of[M.ops.client[%[1]d]].findLast(i => i < %[1]d)`, op)), ask[int](b, `view.picked.i`))
	b.key("]")
	require.Equal(t, op, ask[int](b, `view.picked.i`))
	b.key(kb.Escape)
	require.True(t, ask[bool](b, `view.picked === null`))
}

func searching(t *testing.T, b *browser) {
	find := func(query string) {
		if ask[string](b, `document.activeElement.id`) == "query" {
			b.key(kb.Escape)
		}
		b.slash()
		require.Equal(t, "query", ask[string](b, `document.activeElement.id`))
		b.do(chromedp.KeyEvent(query), chromedp.Poll(fmt.Sprintf(`search.latest === %q`, query), nil, chromedp.WithPollingTimeout(5*time.Second)))
		b.drawn()
	}
	key := ask[string](b, `M.meta.keys[M.ops.key[M.offences[0].op]]`)
	find(key)
	want := ask[int](b, fmt.Sprintf(`M.ops.key.filter(k => M.meta.keys[k] === %q).length`, key))
	require.Equal(t, want, ask[int](b, `view.matches.ops.size`), "every operation on the key")
	require.Contains(t, text(b, "found"), fmt.Sprintf("%d operations", want))
	b.key(kb.Enter)
	first := ask[float64](b, `itemSpan(view.picked)[0]`)
	b.key(kb.Enter)
	require.GreaterOrEqual(t, ask[float64](b, `itemSpan(view.picked)[0]`), first)
	b.shot("search")

	node := ask[int](b, `M.msgs.to[M.msgs.kind.findIndex(k => M.meta.kinds[k] === "accept")]`)
	find(fmt.Sprint("accept n", node))
	require.True(t, ask[bool](b, fmt.Sprintf(`view.matches.msgs.size > 0 && [...view.matches.msgs].every(m => M.meta.kinds[M.msgs.kind[m]].startsWith("accept") && (M.msgs.from[m] === %[1]d || M.msgs.to[m] === %[1]d))`, node)))
	find("lost")
	require.Equal(t, ask[int](b, `M.msgs.fate.filter(f => f === 1).length`), ask[int](b, `view.matches.msgs.size`))
	find("nosuchthing")
	require.Contains(t, text(b, "matches"), "Nothing matches")
	b.key(kb.Escape)
	require.True(t, ask[bool](b, `view.matches === null`))
}

func pointing(t *testing.T, b *browser) {
	// An answered write that went through a round of accepts.
	ask[bool](b, `(() => {
		const i = M.ops.class.findIndex((c, i) => c === 1 && M.ops.outcome[i] === 1 && talliesOf(i).some(t => M.meta.kinds[M.tallies[t].k] === "accept"));
		goTo({ type: "op", i });
		return true;
	})()`)
	b.drawn()
	at := ask[[]float64](b, `(() => { const i = view.picked.i, r = $("picture").getBoundingClientRect();
		return [r.left + (x(M.ops.at[i]) + x(M.ops.end[i])) / 2, r.top + anchor(-1 - M.ops.client[i]) - view.top]; })()`)
	b.do(chromedp.MouseEvent(input.MouseMoved, at[0], at[1]))
	b.drawn()
	require.False(t, ask[bool](b, `$("tip").hidden`))
	tip := text(b, "tip")
	require.Contains(t, tip, "accept")
	require.Contains(t, tip, "✓", "who accepted")
	require.Contains(t, tip, "make a majority")
	b.shot("quorum")
	b.do(chromedp.MouseClickXY(at[0], at[1]))
	b.drawn()
	require.Contains(t, text(b, "details"), "✓")
	require.False(t, ask[bool](b, `$("details").hidden`))
	b.do(chromedp.MouseEvent(input.MouseMoved, 5, 5))
}

func tabs(t *testing.T, b *browser) {
	b.do(chromedp.Focus("#tab-details"))
	b.key(kb.ArrowRight)
	require.False(t, ask[bool](b, `$("matches").hidden`))
	require.Equal(t, "tab-matches", ask[string](b, `document.activeElement.id`))
	b.do(chromedp.Click("#tab-porcupine"),
		chromedp.Poll(`document.querySelector("#porcupine iframe")?.contentDocument?.querySelectorAll("svg rect").length > 0`, nil))
	b.shot("porcupine")
	b.do(chromedp.Click("#tab-story"))
	b.drawn()
	require.Equal(t, "true", ask[string](b, `$("tab-story").getAttribute("aria-selected")`))
	require.Equal(t, 1, ask[int](b, `document.querySelectorAll("[role=tabpanel]:not([hidden])").length`))
}

func help(t *testing.T, b *browser) {
	b.do(chromedp.Focus("#picture"))
	b.key("?")
	require.True(t, ask[bool](b, `$("help").open`))
	b.shot("help")
	b.key(kb.Escape)
	require.False(t, ask[bool](b, `$("help").open`))
}

// names checks that whatever can be operated has a name for those who can't see it.
func names(t *testing.T, b *browser) {
	all := `[...document.querySelectorAll("button, input, canvas, iframe, aside, dialog, [role]:not([role=status]):not([role=tooltip]):not([role=search])")]`
	require.Greater(t, ask[int](b, all+`.length`), 20)
	require.Empty(t, ask[[]string](b, all+`.filter(e => !(e.getAttribute("aria-label") ?? e.title ?? "") && !$(e.getAttribute("aria-labelledby") ?? "")?.textContent &&
		!(e.labels?.[0]?.textContent ?? "").trim() && !/[\w‹›+−?]/.test(e.textContent)).map(e => e.outerHTML.slice(0, 80))`))
}

func TestDarkAndNarrow(t *testing.T) {
	b := openBrowser(t, file(t, doctored(t, 2)), 760, 900, "dark")
	require.NotEqual(t, "#fbfbfa", ask[string](b, `colours["--back"]`))
	b.shot("failure-dark")
	b.clean()
}

func TestALargeRunStaysFluid(t *testing.T) {
	b := openBrowser(t, file(t, large(t, 2000)), 1500, 900, "dark")
	b.key("f")
	require.Zero(t, ask[int](b, `drawn.arrows`), "too many messages for arrows")
	require.Contains(t, text(b, "status"), "zoom in")
	b.shot("large-fit")
	frame := func() float64 {
		return ask[float64](b, `(() => { const began = performance.now(); for (let i = 0; i < 10; i++) draw(); ctx.getImageData(0, 0, 1, 1); return (performance.now() - began) / 10; })()`)
	}
	far := frame()
	b.do(chromedp.Evaluate(`{ let span = M.meta.end; do { span /= 1.2; setRange(M.meta.end / 3, M.meta.end / 3 + span); draw(); } while (!drawn.arrows); }`, nil))
	b.drawn()
	require.Positive(t, ask[int](b, `drawn.arrows`))
	near := frame()
	t.Logf("a frame takes %.1f ms far out, %.1f ms with %d arrows", far, near, ask[int](b, `drawn.arrows`))
	require.Less(t, far, 100.0)
	require.Less(t, near, 100.0)
	b.shot("large-near")
	search := ask[float64](b, `(() => { const began = performance.now(); search("key3 n2"); return performance.now() - began; })()`)
	require.Less(t, search, 500.0)
	b.clean()
}
