package browser

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"wslab/compare/endpoint"
	"wslab/compare/scenario"
)

func TestMain(m *testing.M) {
	endpoint.BeServer()
	goleak.VerifyTestMain(m)
}

// find returns the path of a browser. It skips the test if there is none.
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
const patience = 5 * time.Minute

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
					t.Errorf("%s was not removed", profile)
				}
			}()
			if !strings.Contains(b.Name, name) {
				t.Errorf("it is called %q", b.Name)
			}
			for _, c := range []struct{ text, err, has string }{
				{"open\nsend text Hello\nexpect text Hello\nsend binary 00 01\nexpect binary 00 01\nsend repeat 300\nread 1\nclose 4000 bye\nexpect close 4000\n", "", "4000 private use \"bye\""},
				{"open\nsend text a\nexpect text b\n", "text \"a\" arrived, but text \"b\" was expected", "onmessage \"a\""},
				{"open\nleave\nwait server\n", "", "1001 going away"},
				{"open\nclose 1006\n", "InvalidAccessError", "OPEN"},
				{"server by hand\nopen\nserver says close 1000\nserver tcp close\npatience 20s\n", "", "at once"},
			} {
				for _, e := range endpoint.All() {
					sc, err := scenario.Parse("test.txt", "# A test\n"+c.text)
					if err != nil {
						t.Fatal(err)
					}
					events, err := b.Run(ctx, sc, e)
					if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
						t.Errorf("%s: %q ends with %v", e.Name, c.text, err)
					}
					var text strings.Builder
					WriteText(&text, events)
					if !strings.Contains(text.String(), c.has) || strings.Count(text.String(), "\n> ") == 0 {
						t.Errorf("%s: there is no %s in\n%s", e.Name, c.has, text.String())
					}
				}
			}
		})
	}
}

func TestABrowserThatDiesEndsItsPlay(t *testing.T) {
	t.Parallel()
	path := find(t, os.Getenv("WSLAB_CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	b, err := Start(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	sc, err := scenario.Parse("test.txt", "# A test\nserver by hand\nopen\nclose 1000\npatience 1m\n")
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(2*time.Second, func() { b.process.cmd.Process.Kill() })
	events, err := b.Run(ctx, sc, endpoint.All()[0])
	if err == nil || !strings.Contains(err.Error(), "the browser has ended by itself") || len(events) == 0 {
		t.Errorf("the play ends with %v and %d events", err, len(events))
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

func TestWhatIsNoBrowserIsToldPlainly(t *testing.T) {
	for path, says := range map[string]string{"echo": "is not a browser", "no-such-program": "no-such-program", "false": "exit status 1"} {
		if _, err := Start(t.Context(), path); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s gives %v", path, err)
		}
	}
}

func TestABrowserIsKnownByWhatItSaysOfItself(t *testing.T) {
	for said, want := range map[string]string{
		"Chromium 156.0.8078.79 built on Debian GNU/Linux 12 (bookworm)\n": "chromium Chromium 156.0.8078.79",
		"Google Chrome 150.0.1.2 \n":                                       "chromium Google Chrome 150.0.1.2",
		"Microsoft Edge 150.0.1.2\n":                                       "chromium Microsoft Edge 150.0.1.2",
		"a warning\nMozilla Firefox 153.7.0esr\n":                          "firefox Mozilla Firefox 153.7.0esr",
	} {
		if kind, name, ok := parseVersion(said); !ok || string(kind)+" "+name != want {
			t.Errorf("%q is read as %s %s, %t", said, kind, name, ok)
		}
	}
	for _, said := range []string{"", "\n", "curl 8.0", "153", "Chromium"} {
		if kind, name, ok := parseVersion(said); ok {
			t.Errorf("%q is read as %s %s", said, kind, name)
		}
	}
}

func TestOnlyRootRunsChromiumWithoutItsSandbox(t *testing.T) {
	for _, root := range []bool{true, false} {
		args := Chromium.arguments("profile", "http://here/", root)
		if slices.Contains(args, "--no-sandbox") != root || args[len(args)-1] != "http://here/" {
			t.Errorf("root %t: it is started with %q", root, args)
		}
	}
}
