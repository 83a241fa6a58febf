package browser

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"wslab/compare/endpoint"
	"wslab/compare/recording"
	"wslab/reference/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// find returns the path of a browser, and skips the test where there is none.
func find(t *testing.T, names ...string) string {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil && name != "" {
			return path
		}
	}
	if os.Getenv("CI") != "" && names[0] == os.Getenv("WSLAB_CHROMIUM") {
		t.Fatal("no Chromium was found, and in CI the browser tests must run: install the package chromium")
	}
	t.Skip("no such browser was found")
	return ""
}

// patience bounds a test that waits for a browser.
const patience = 90 * time.Second

func TestABrowserDoesWhatItIsToldAndTellsWhatHappens(t *testing.T) {
	for name, names := range map[string][]string{
		"Chromium": {os.Getenv("WSLAB_CHROMIUM"), "chromium", "chromium-browser", "google-chrome"},
		"Firefox":  {"firefox-esr", "firefox"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := find(t, names...)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			b, err := Start(ctx, path)
			if err != nil {
				t.Fatal(err)
			}
			profile := b.process.profile
			defer func() {
				if err := b.Close(); err != nil {
					t.Error(err)
				}
				if _, err := os.Stat(profile); err == nil {
					t.Errorf("%s is left behind", profile)
				}
			}()
			if !strings.Contains(b.Name, name) {
				t.Errorf("it is called %q", b.Name)
			}
			rec := recording.New(nil, recording.Limits{})
			p := b.Play(rec, func(w http.ResponseWriter, r *http.Request) {
				conn := Conn(r)
				c := rec.Connect(recording.Info{Endpoint: "reference", Client: r.PathValue("token")}, wire.Server)
				conn.Attach(c, false)
				endpoint.All()[0].Serve(w, r, c, func(endpoint.Server) {})
			})
			defer p.End()
			must := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			must(p.Do(ctx, 0, Order{Do: "open"}))
			must(p.Await(ctx, func(h Heard) bool { return h.Opened }))
			must(p.Do(ctx, 1, Order{Do: "send", Text: "Hello"}))
			must(p.Await(ctx, func(h Heard) bool { return h.Messages == 1 }))
			if got := p.Heard().Last.Text; got != "Hello" {
				t.Errorf("the echo is %q", got)
			}
			must(p.Do(ctx, 2, Order{Do: "send", Hex: "0001"}))
			must(p.Do(ctx, 3, Order{Do: "send", Repeat: 300}))
			must(p.Await(ctx, func(h Heard) bool { return h.Messages == 3 }))
			if got := p.Heard().Last.Size; got == nil || *got != 300 {
				t.Errorf("the echo has %v octets", got)
			}
			reserved, code := 1006, 4000
			if err := p.Do(ctx, 4, Order{Do: "close", Code: &reserved}); err == nil || !strings.Contains(err.Error(), "InvalidAccessError") {
				t.Errorf("close(1006) gives %v", err)
			}
			must(p.Do(ctx, 5, Order{Do: "close", Code: &code, Reason: "bye"}))
			must(p.Await(ctx, func(h Heard) bool { return h.Closed }))
			last := p.Heard().Last
			if *last.Code != 4000 || !*last.WasClean {
				t.Errorf("onclose is told %d, wasClean %t", *last.Code, *last.WasClean)
			}

			q := b.Play(rec, p.serve)
			must(q.Do(ctx, 0, Order{Do: "open"}))
			must(q.Await(ctx, func(h Heard) bool { return h.Opened }))
			must(q.Do(ctx, 1, Order{Do: "leave"}))
			left := waitFor(ctx, rec, func(e recording.Event) bool {
				b, ok := e.Body.(*recording.TCP)
				return ok && e.Conn == 2 && b.What == "closed"
			})
			if !left {
				t.Error("a tab that is closed does not end its connection")
			}
			q.End()
			var text strings.Builder
			events, _ := rec.After(0, 1000)
			recording.WriteText(&text, events, recording.TextOptions{})
			t.Log(b.Name + "\n" + text.String())
		})
	}
}

// waitFor waits until rec has such an event.
func waitFor(ctx context.Context, rec *recording.Recording, is func(recording.Event) bool) bool {
	for after := uint64(0); ; {
		events, _ := rec.After(after, 1000)
		for _, e := range events {
			if after = e.Seq; is(e) {
				return true
			}
		}
		select {
		case <-rec.Changed(after):
		case <-ctx.Done():
			return false
		}
	}
}
