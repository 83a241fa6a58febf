package web

import (
	"errors"
	"html"
	"io/fs"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"wslab/compare/endpoint"
	"wslab/labserver/internal/lesson"
	"wslab/reference/wire"
)

// tag matches an HTML start tag, comments and closing tags aside.
var (
	tag       = regexp.MustCompile(`(?s)<([a-zA-Z][a-zA-Z0-9-]*)((?:\s+[^\s=>"']+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'>]+))?)*)\s*/?>`)
	attribute = regexp.MustCompile(`(?s)([^\s=>"']+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?`)
)

// pages are the addresses of all pages, one that is not there included.
func (s *site) pages() []string {
	all := []string{"/", "/lab", "/rules", "/nowhere"}
	for _, l := range s.course.Lessons {
		all = append(all, "/lessons/"+l.Slug)
	}
	return all
}

func TestNoPageHasInlineScriptOrStyle(t *testing.T) {
	s := start(t)
	for _, path := range s.pages() {
		response, body := s.get(path)
		if got := response.Header.Get("Content-Type"); got != "text/html; charset=utf-8" {
			t.Errorf("%s is %s", path, got)
		}
		tags := tag.FindAllStringSubmatchIndex(body, -1)
		if len(tags) < 10 {
			t.Errorf("%s has %d tags, so it is not a page", path, len(tags))
		}
		for _, at := range tags {
			name := strings.ToLower(body[at[2]:at[3]])
			attributes := map[string]string{}
			for _, a := range attribute.FindAllStringSubmatch(body[at[4]:at[5]], -1) {
				attributes[strings.ToLower(a[1])] = html.UnescapeString(a[2] + a[3] + a[4])
			}
			whole := body[at[0]:at[1]]
			switch name {
			case "style":
				t.Errorf("%s has a style element", path)
			case "script":
				inside, _, _ := strings.Cut(body[at[1]:], "</script>")
				if attributes["src"] == "" || strings.TrimSpace(inside) != "" {
					t.Errorf("%s has an inline script: %s", path, whole)
				}
			case "iframe", "object", "embed", "base", "form":
				t.Errorf("%s has %s", path, whole)
			}
			for a, value := range attributes {
				if a == "style" || strings.HasPrefix(a, "on") {
					t.Errorf("%s: inline in %s", path, whole)
				}
				if strings.HasPrefix(strings.ToLower(strings.TrimSpace(value)), "javascript:") {
					t.Errorf("%s: %s", path, whole)
				}
				ours := strings.HasPrefix(value, "/") && !strings.HasPrefix(value, "//") || strings.HasPrefix(value, "#") || strings.HasPrefix(value, "data:image/")
				if (a == "src" || a == "href" && name == "link") && !ours {
					t.Errorf("%s loads from elsewhere: %s", path, whole)
				}
			}
		}
	}
}

func TestEveryLinkOfOursLeadsSomewhere(t *testing.T) {
	s := start(t)
	link := regexp.MustCompile(`(?:href|src)="(/[^"]*)"`)
	seen := map[string]bool{}
	for _, path := range s.pages() {
		_, body := s.get(path)
		for _, m := range link.FindAllStringSubmatch(body, -1) {
			target, _, _ := strings.Cut(html.UnescapeString(m[1]), "#")
			if seen[target] {
				continue
			}
			seen[target] = true
			if response, _ := s.get(target); response.StatusCode != 200 {
				t.Errorf("%s leads to %s, which is answered with %d", path, target, response.StatusCode)
			}
		}
	}
	if len(seen) < 5 {
		t.Errorf("there are %d links", len(seen))
	}
}

func TestEveryPageIsThere(t *testing.T) {
	s := start(t)
	for _, c := range []struct{ path, has string }{
		{"/", "/lessons/01-handshake"},
		{"/lessons/00-why", `<link rel="stylesheet" href="/static/css/ways.css">`},
		{"/lessons/01-handshake", "<ws-lab endpoints="},
		{"/lab", "<ws-lab free"},
		{"/rules", `id="5.1/mask-missing"`},
		{"/rules?x=y", `id="8.1/text-utf8"`},
	} {
		response, body := s.get(c.path)
		if response.StatusCode != 200 || !strings.Contains(body, c.has) {
			t.Errorf("%s is answered with %d, and %q in it is %t", c.path, response.StatusCode, c.has, strings.Contains(body, c.has))
		}
	}
	_, body := s.get("/rules")
	for _, r := range wire.Rules {
		if !strings.Contains(body, `id="`+r.Code+`"`) {
			t.Errorf("/rules has no %s", r.Code)
		}
	}
	sess := s.session()
	if _, body := s.get("/lab?watch=" + sess.ID); !strings.Contains(body, `watch="`+sess.ID+`"`) {
		t.Error("/lab does not watch the session that it is asked to")
	}
	_, body = s.get("/lab")
	for _, m := range endpoint.Mistakes {
		_, list, _ := strings.Cut(body, ` mistakes="`)
		list, _, _ = strings.Cut(list, `"`)
		if !slices.Contains(strings.Fields(list), m.Name) {
			t.Errorf("/lab does not offer the server that makes the mistake %s", m.Name)
		}
	}
}

func TestWhatIsNotThereIsAnsweredWithAPageThatHelps(t *testing.T) {
	s := start(t)
	for _, path := range []string{"/nowhere", "/lessons/99-none", "/lessons/", "/lab/", "/lab?watch=none", "/static/none.js", "/static/../main.go", "/static/", "/static/css", "/static/css/", "/favicon.ico", "/lessons/%00", "/lessons/<script>alert(1)</script>", "/%e2%28%a1"} {
		response, body := s.get(path)
		if response.StatusCode != 404 {
			t.Errorf("%s is answered with %d", path, response.StatusCode)
			continue
		}
		for _, has := range []string{"/lessons/01-handshake", "/lab", "/ws/reference"} {
			if !strings.Contains(body, has) {
				t.Errorf("%s: the page does not lead to %s: %.200s", path, has, body)
			}
		}
		if strings.Contains(body, "<script>alert") {
			t.Errorf("%s is in the page as it came", path)
		}
	}
}

func TestAPageThatWasNotAskedForByGETIsNotThere(t *testing.T) {
	s := start(t)
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"} {
		for _, path := range []string{"/", "/lab", "/rules", "/static/app.js", "/api/connections"} {
			if response, _ := s.do(method, path, "", nil); response.StatusCode != 404 && response.StatusCode != 405 {
				t.Errorf("%s %s is answered with %d", method, path, response.StatusCode)
			}
		}
	}
	if response, body := s.do("HEAD", "/lab", "", nil); response.StatusCode != 200 || body != "" {
		t.Errorf("HEAD is answered with %d %q", response.StatusCode, body)
	}
}

func TestAStaticFileIsSentOnceAndThenKnownByItsTag(t *testing.T) {
	s := start(t)
	for _, coding := range []string{"identity", "gzip"} {
		for path, media := range map[string]string{"/static/app.js": "text/javascript; charset=utf-8", "/static/css/wslab.css": "text/css; charset=utf-8", "/static/icon.svg": "image/svg+xml"} {
			ask := func(more ...string) (*http.Response, string) {
				return s.do("GET", path, "", func(r *http.Request) {
					r.Header.Set("Accept-Encoding", coding)
					for i := 0; i < len(more); i += 2 {
						r.Header.Set(more[i], more[i+1])
					}
				})
			}
			response, body := ask()
			tag := response.Header.Get("ETag")
			if response.StatusCode != 200 || tag == "" || body == "" || response.Header.Get("Content-Type") != media {
				t.Errorf("%s: %d, ETag %q, %s, %d bytes", path, response.StatusCode, tag, response.Header.Get("Content-Type"), len(body))
			}
			if got := response.Header.Get("Cache-Control"); got != "no-cache" {
				t.Errorf("%s: Cache-Control is %q", path, got)
			}
			if again, body := ask("If-None-Match", tag); again.StatusCode != 304 || body != "" {
				t.Errorf("%s, asked for again, is answered with %d and %d bytes", path, again.StatusCode, len(body))
			}
			if again, other := ask("If-None-Match", `"something else"`); again.StatusCode != 200 || other != body {
				t.Errorf("%s with another tag is answered with %d", path, again.StatusCode)
			}
		}
	}
}

func TestALessonWithAMistakeEndsTheStart(t *testing.T) {
	o, err := shipped()
	if err != nil {
		t.Fatal(err)
	}
	o.Course = func() (*lesson.Course, error) {
		return lesson.Load(fstest.MapFS{"01-broken.md": {Data: []byte("---\ntitle: A\nminutes: 1\ngoal: B\nnext: C\n---\n\n```source wire.NoSuchThing\n```\n")}}, lesson.Options{Sites: o.Sites})
	}
	if _, err = New(o); err == nil || !regexp.MustCompile(`^lessons/01-broken\.md:\d+: `).MatchString(err.Error()) {
		t.Errorf("New says %v", err)
	}
}

func TestWithDevAMistakeInALessonIsShownAndARepairAsWell(t *testing.T) {
	var broken error
	o, err := shipped()
	if err != nil {
		t.Fatal(err)
	}
	course := o.Course
	files := fstest.MapFS{}
	fs.WalkDir(o.Static, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			b, _ := fs.ReadFile(o.Static, name)
			files[name] = &fstest.MapFile{Data: b}
		}
		return err
	})
	s := start(t, func(o *Options) {
		o.Dev, o.Static = true, files
		o.Course = func() (*lesson.Course, error) {
			if broken != nil {
				return nil, broken
			}
			return course()
		}
	})
	broken = errors.New("lessons/01-handshake.md:7: no such thing")
	if response, body := s.get("/lessons/01-handshake"); response.StatusCode != 500 || !strings.Contains(body, broken.Error()) {
		t.Errorf("a broken lesson is answered with %d %q", response.StatusCode, body)
	}
	broken = nil
	if response, _ := s.get("/lessons/01-handshake"); response.StatusCode != 200 {
		t.Errorf("a repaired lesson is answered with %d", response.StatusCode)
	}
	files["app.js"] = &fstest.MapFile{Data: []byte("// changed")}
	if _, body := s.get("/static/app.js"); body != "// changed" {
		t.Errorf("a changed file is sent as %.40q", body)
	}
	for _, path := range []string{"/static/", "/static/css", "/static/css/"} {
		if response, _ := s.get(path); response.StatusCode != 404 {
			t.Errorf("%s is answered with %d", path, response.StatusCode)
		}
	}
}
