package browser

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Kind is a family of browsers. Each family is started in its own way.
type Kind string

// The browsers that can be started.
const (
	Chromium Kind = "chromium"
	Firefox  Kind = "firefox"
)

// Limits of a browser's process.
const (
	versionTimeout = 20 * time.Second // to print its version
	endTimeout     = 10 * time.Second // to end after SIGTERM
	removeTimeout  = 5 * time.Second  // until its profile can be removed
)

// identify runs the program at path with --version. It returns its kind and its name
// with the version, "Chromium 156.0.8078.79".
func identify(ctx context.Context, path string) (Kind, string, error) {
	ctx, cancel := context.WithTimeout(ctx, versionTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "--version")
	cmd.WaitDelay = time.Second // a child may keep its output open
	out, err := cmd.Output()
	if err != nil {
		return "", "", fmt.Errorf("%s --version: %w", path, err)
	}
	kind, name, ok := parseVersion(string(out))
	if !ok {
		return "", "", fmt.Errorf("%s is not a browser that can be used: Chromium, Chrome, Edge or Firefox. It calls itself %q", path, firstLine(string(out)))
	}
	return kind, name, nil
}

// firstLine returns the first line of text.
func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

// parseVersion reads the output of --version: some words, then a number.
func parseVersion(said string) (kind Kind, name string, ok bool) {
	for line := range strings.Lines(said) {
		words := strings.Fields(line)
		for i, w := range words {
			if i == 0 || w[0] < '0' || w[0] > '9' {
				continue
			}
			name = strings.Join(words[:i+1], " ")
			switch {
			case strings.Contains(name, "Chrom"), strings.Contains(name, "Edge"):
				return Chromium, name, true
			case strings.Contains(name, "Firefox"):
				return Firefox, name, true
			}
			break
		}
	}
	return "", "", false
}

// arguments returns the arguments of a browser of kind k for url, with its profile in
// dir. root says that root starts it. The browser has no window and loads only url.
func (k Kind) arguments(dir, url string, root bool) []string {
	if k == Firefox {
		return []string{"-headless", "-profile", dir, "--no-remote", url}
	}
	args := []string{
		"--headless", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync",
		// A page in an invisible window must not be slowed down.
		"--disable-background-timer-throttling", "--disable-renderer-backgrounding",
		"--user-data-dir=" + dir,
	}
	if root {
		// As root, as in most containers, Chromium refuses to start with its sandbox.
		args = append(args, "--no-sandbox")
	}
	return append(args, url)
}

// preferences make Firefox load only its page. Chromium has flags for that.
const preferences = `user_pref("app.normandy.enabled", false);
user_pref("app.update.enabled", false);
user_pref("browser.aboutwelcome.enabled", false);
user_pref("browser.safebrowsing.downloads.remote.enabled", false);
user_pref("browser.safebrowsing.malware.enabled", false);
user_pref("browser.safebrowsing.phishing.enabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("browser.startup.homepage_override.mstone", "ignore");
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("dom.push.enabled", false);
user_pref("extensions.update.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("services.settings.server", "");
user_pref("toolkit.telemetry.reportingpolicy.firstRun", false);
`

// process is a running browser with a profile of its own.
type process struct {
	cmd     *exec.Cmd
	profile string
	said    bytes.Buffer  // its standard error; complete when done is closed
	done    chan struct{} // closed when it has ended
	err     error         // why it ended
}

// start starts the browser of kind k at path on url.
func start(k Kind, path, url string) (*process, error) {
	profile, err := os.MkdirTemp("", "wslab-"+string(k)+"-")
	if err != nil {
		return nil, err
	}
	if k == Firefox {
		if err := os.WriteFile(filepath.Join(profile, "user.js"), []byte(preferences), 0o600); err != nil {
			os.RemoveAll(profile)
			return nil, err
		}
	}
	p := &process{cmd: exec.Command(path, k.arguments(profile, url, os.Geteuid() == 0)...), profile: profile, done: make(chan struct{})}
	p.cmd.Stderr = &last{&p.said}
	p.cmd.WaitDelay = time.Second // its children may keep the output open
	if err := p.cmd.Start(); err != nil {
		os.RemoveAll(profile)
		return nil, err
	}
	go func() {
		defer close(p.done)
		p.err = p.cmd.Wait()
	}()
	return p, nil
}

// end asks the browser to end, kills it after endTimeout, and removes its profile.
func (p *process) end() error {
	if p.cmd.Process.Signal(syscall.SIGTERM) != nil {
		p.cmd.Process.Kill() // this system has no SIGTERM
	}
	select {
	case <-p.done:
	case <-time.After(endTimeout):
		p.cmd.Process.Kill()
		<-p.done
	}
	// The browser's children end a little later and may still write.
	var err error
	for until := time.Now().Add(removeTimeout); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		if err = os.RemoveAll(p.profile); err == nil {
			return nil
		}
	}
	return fmt.Errorf("the browser's profile could not be removed: %w", err)
}

// why returns the error for a browser that has ended by itself.
func (p *process) why() error {
	text := strings.TrimSpace(p.said.String())
	if i := strings.LastIndexByte(text, '\n'); i >= 0 {
		text = text[i+1:]
	}
	if p.err == nil {
		return errors.New("the browser has ended by itself: " + text)
	}
	return fmt.Errorf("the browser has ended by itself (%w): %s", p.err, text)
}

// last keeps the last few KiB of what is written to it.
type last struct{ *bytes.Buffer }

func (l *last) Write(p []byte) (int, error) {
	const most = 8 << 10
	if l.Len() > most {
		l.Next(l.Len() - most/2)
	}
	return l.Buffer.Write(p)
}
