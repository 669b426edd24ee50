package picture_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// chromium finds the browser. Without one the test can't say anything: it
// fails where the checks of a change run (CI is set) and is left out elsewhere.
func chromium(t *testing.T) string {
	t.Helper()
	for _, path := range []string{os.Getenv("CHROMIUM"), "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"} {
		if path == "" {
			continue
		}
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatal("no Chromium: install Debian's package chromium, or name the program in CHROMIUM")
	}
	t.Skip("no Chromium: install Debian's package chromium, or name the program in CHROMIUM")
	return ""
}

// browser is a headless Chromium with one page open.
type browser struct {
	t    *testing.T
	ctx  context.Context
	seen *seen
}

// seen is what must not happen in a page.
type seen struct {
	mu       sync.Mutex
	problems []string // console errors, exceptions
	requests []string // anything but the page itself
}

// openBrowser starts a Chromium with a fresh profile, which chromedp removes at
// the end, and waits until the page has been drawn.
func openBrowser(t *testing.T, file string, width, height int64, scheme string) *browser {
	path := chromium(t)
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.WSURLReadTimeout(time.Minute),
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	alloc, stop := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, close := chromedp.NewContext(alloc, chromedp.WithErrorf(func(string, ...any) {})) // it reports events that it does not know
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	b := &browser{t: t, ctx: ctx, seen: new(seen)}
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Log(err)
		}
		cancel()
		close()
		stop()
	})
	chromedp.ListenTarget(ctx, b.seen.listen)
	b.do(network.Enable(), log.Enable(), chromedp.EmulateViewport(width, height),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
		chromedp.Navigate("file://"+file), chromedp.WaitReady(`body[data-ready]`, chromedp.ByQuery))
	return b
}

func (s *seen) listen(event any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		s.problems = append(s.problems, e.ExceptionDetails.Error())
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.APITypeError || e.Type == runtime.APITypeWarning {
			s.problems = append(s.problems, fmt.Sprint(e.Type, " on the console"))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.LevelError {
			s.problems = append(s.problems, e.Entry.Text)
		}
	case *network.EventRequestWillBeSent:
		if u := e.Request.URL; !strings.HasPrefix(u, "data:") && !strings.HasPrefix(u, "file:") && !strings.HasPrefix(u, "about:") {
			s.requests = append(s.requests, u)
		}
	}
}

func (b *browser) do(actions ...chromedp.Action) {
	b.t.Helper()
	require.NoError(b.t, chromedp.Run(b.ctx, actions...))
}

// ask evaluates an expression of the page.
func ask[T any](b *browser, expression string) T {
	b.t.Helper()
	var v T
	b.do(chromedp.Evaluate(expression, &v))
	return v
}

// drawn waits until the page has drawn what was asked of it.
func (b *browser) drawn() {
	b.t.Helper()
	b.do(chromedp.Evaluate(`new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))`, nil,
		func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
}

// key presses keys on the page.
func (b *browser) key(keys string) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(keys))
	b.drawn()
}

// slash presses /, without the character that a browser leaves out when the
// page takes the key for itself.
func (b *browser) slash() {
	b.t.Helper()
	b.do(input.DispatchKeyEvent(input.KeyDown).WithKey("/"), input.DispatchKeyEvent(input.KeyUp).WithKey("/"))
}

// span is how much time is in view, microseconds.
func (b *browser) span() float64 { return ask[float64](b, `view.to - view.from`) }

// shot writes a picture of the screen. PICTURE_SHOTS names a directory to keep them in.
func (b *browser) shot(name string) {
	b.t.Helper()
	dir := os.Getenv("PICTURE_SHOTS")
	if dir == "" {
		dir = b.t.TempDir()
	}
	var png []byte
	b.drawn()
	b.do(chromedp.CaptureScreenshot(&png))
	require.Greater(b.t, len(png), 20_000, "the screen is empty")
	require.NoError(b.t, os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644))
}

func (b *browser) clean() {
	b.t.Helper()
	b.seen.mu.Lock()
	defer b.seen.mu.Unlock()
	require.Empty(b.t, b.seen.problems)
	require.Empty(b.t, b.seen.requests, "the page must need nothing from outside")
}
