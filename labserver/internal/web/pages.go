package web

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"

	"wslab/compare/endpoint"
	"wslab/labserver/internal/lesson"
	"wslab/reference/wire"
)

//go:embed templates/*.html
var templateFiles embed.FS

var templates = template.Must(template.ParseFS(templateFiles, "templates/*.html"))

// page is the data of every template.
type page struct {
	Title    string
	Section  string // place in the navigation: lessons, lab, compare or rules
	Course   *lesson.Course
	Lesson   *lesson.Lesson
	Watch    string // ID of the session that /lab shows
	Rules    []wire.Rule
	Mistakes []endpoint.Mistake // mistakes of the servers at /ws/broken/
	Path     string
}

// render writes the page that the template called name makes of p.
func (s *Server) render(w http.ResponseWriter, r *http.Request, status int, name string, p page) {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name, p); err != nil {
		s.Log.Printf("page %s: %v", name, err)
		http.Error(w, "500 The lab server could not make this page: "+err.Error()+"\nPlease report this mistake.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("Vary", "Accept-Encoding")
	body := b.Bytes()
	if takesGzip(r) {
		w.Header().Set("Content-Encoding", "gzip")
		body = zipped(body)
	}
	w.WriteHeader(status)
	w.Write(body)
}

// current returns the course. With -dev it reads the lessons again. If the lessons have
// mistakes, it sends a response with them and returns nil.
func (s *Server) current(w http.ResponseWriter) *lesson.Course {
	if !s.Dev {
		return s.course
	}
	course, err := s.Options.Course()
	if err != nil {
		http.Error(w, "500 The lessons have mistakes. Correct these lines and reload the page:\n"+err.Error(), http.StatusInternalServerError)
		return nil
	}
	return course
}

func (s *Server) index(w http.ResponseWriter, r *http.Request) {
	if c := s.current(w); c != nil {
		s.render(w, r, http.StatusOK, "index.html", page{Title: "wslab: WebSocket, bit by bit", Section: "lessons", Course: c})
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
	s.render(w, r, http.StatusOK, "lesson.html", page{Title: l.Title + " · wslab", Section: "lessons", Course: c, Lesson: l})
}

func (s *Server) labPage(w http.ResponseWriter, r *http.Request) {
	watch := r.URL.Query().Get("watch")
	if watch != "" {
		if _, ok := s.sessions.Get(watch); !ok {
			s.notFound(w, r)
			return
		}
	}
	s.render(w, r, http.StatusOK, "lab.html", page{Title: "Free lab · wslab", Section: "lab", Course: s.course, Watch: watch, Mistakes: endpoint.Mistakes})
}

func (s *Server) rulesPage(w http.ResponseWriter, r *http.Request) {
	s.render(w, r, http.StatusOK, "rules.html", page{Title: "Rules of RFC 6455 · wslab", Section: "rules", Course: s.course, Rules: wire.Rules})
}

func (s *Server) notFound(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	if r.URL.RawQuery != "" {
		path += "?" + r.URL.RawQuery
	}
	s.render(w, r, http.StatusNotFound, "404.html", page{Title: "Not found · wslab", Course: s.course, Path: clipped(path, 200)})
}
