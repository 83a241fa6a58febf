package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"io/fs"
	"net/http"
	"strings"

	"wslab/labserver/internal/lesson"
	"wslab/reference"
	"wslab/reference/wire"
)

//go:embed templates
var templateFiles embed.FS

var templates = template.Must(template.ParseFS(templateFiles, "templates/*.html"))

// page is what every template is given.
type page struct {
	Title   string
	Section string // lessons, lab, rules: the place in the navigation
	Course  *lesson.Course
	Lesson  *lesson.Lesson
	Watch   string // session to watch on /lab
	Rules   []wire.Rule
	Path    string
}

// render writes the page made from the template called name.
func (s *Server) render(w http.ResponseWriter, status int, name string, p page) {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name, p); err != nil {
		s.Log.Printf("page %s: %v", name, err)
		http.Error(w, "This page could not be made: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	w.WriteHeader(status)
	w.Write(b.Bytes())
}

// current returns the course, read anew when the lessons are being written.
// When it can't be read, it answers with what is wrong and returns nil.
func (s *Server) current(w http.ResponseWriter) *lesson.Course {
	if !s.Dev {
		return s.course
	}
	course, err := s.Options.Course()
	if err != nil {
		http.Error(w, "The lessons have mistakes:\n"+err.Error(), http.StatusInternalServerError)
		return nil
	}
	return course
}

func (s *Server) index(w http.ResponseWriter, r *http.Request) {
	if c := s.current(w); c != nil {
		s.render(w, http.StatusOK, "index.html", page{Title: "wslab: WebSocket, bit by bit", Section: "lessons", Course: c})
	}
}

func (s *Server) lessonPage(w http.ResponseWriter, r *http.Request) {
	c := s.current(w)
	if c == nil {
		return
	}
	l, ok := c.Lesson(r.PathValue("slug"))
	if !ok {
		s.notFound(w, r)
		return
	}
	s.render(w, http.StatusOK, "lesson.html", page{Title: l.Title + " · wslab", Section: "lessons", Course: c, Lesson: l})
}

func (s *Server) labPage(w http.ResponseWriter, r *http.Request) {
	watch := r.URL.Query().Get("watch")
	if watch != "" {
		if _, ok := s.sessions.Get(watch); !ok {
			s.notFound(w, r)
			return
		}
	}
	s.render(w, http.StatusOK, "lab.html", page{Title: "Free lab · wslab", Section: "lab", Course: s.course, Watch: watch})
}

// allRules are those that can be read off the wire, and the two that depend on
// what an endpoint is set to.
var allRules = append(wire.Rules[:len(wire.Rules):len(wire.Rules)], reference.RuleOrigin, reference.RuleMessageSize)

func (s *Server) rulesPage(w http.ResponseWriter, r *http.Request) {
	s.render(w, http.StatusOK, "rules.html", page{Title: "Rules of RFC 6455 · wslab", Section: "rules", Course: s.course, Rules: allRules})
}

func (s *Server) notFound(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	if r.URL.RawQuery != "" {
		path += "?" + r.URL.RawQuery
	}
	s.render(w, http.StatusNotFound, "404.html", page{Title: "Not found · wslab", Course: s.course, Path: path})
}

// static serves the page's files. They change only with the program, so a
// browser asks whether its copy is still good and is told so in a few octets.
func (s *Server) static(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/static/")
	if info, err := fs.Stat(s.Static, name); err != nil || info.IsDir() {
		s.notFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "no-cache")
	if !s.Dev {
		w.Header().Set("ETag", s.etag)
	}
	http.ServeFileFS(w, r, s.Static, name)
}

// contentTag returns an entity tag for all files of fsys together.
func contentTag(fsys fs.FS) (string, error) {
	sum := sha256.New()
	err := fs.WalkDir(fsys, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(fsys, path)
		sum.Write([]byte(path))
		sum.Write(b)
		return err
	})
	return `"` + hex.EncodeToString(sum.Sum(nil)[:12]) + `"`, err
}
