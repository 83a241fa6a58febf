package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

// asset is a file of the page, or a long answer that stays the same, ready to be
// sent.
type asset struct {
	plain, gzip []byte
	media       string // "" where it is not known
	tag         string // entity tag, a hash of the content
}

// newAsset compresses and hashes body once. The standard library does the rest
// (conditional requests, ranges) in http.ServeContent; a package that compresses each
// answer anew would be no shorter here than these two functions and takesGzip.
func newAsset(body []byte, media string) *asset {
	sum := sha256.Sum256(body)
	return &asset{body, zipped(body), media, hex.EncodeToString(sum[:12])}
}

// serve answers r with a. It changes only with the program, so a browser asks
// whether its copy is still good and is told so in a few bytes.
func (a *asset) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-cache")
	h.Set("Vary", "Accept-Encoding")
	if a.media != "" {
		h.Set("Content-Type", a.media)
	}
	body, tag := a.plain, `"`+a.tag+`"`
	if takesGzip(r) {
		h.Set("Content-Encoding", "gzip")
		body, tag = a.gzip, `"`+a.tag+`-gzip"`
	}
	h.Set("ETag", tag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// media are the types of assets. The standard library would ask the machine,
// and machines differ: with nosniff, a script of another type is not run.
var media = map[string]string{
	".js":  "text/javascript; charset=utf-8",
	".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml",
}

// loadAssets reads and compresses every file of fsys, once.
func loadAssets(fsys fs.FS) (map[string]*asset, error) {
	assets := map[string]*asset{}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(fsys, name)
		assets[name] = newAsset(b, media[path.Ext(name)])
		return err
	})
	return assets, err
}

// static serves the page's files.
func (s *Server) static(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/static/")
	if s.Dev {
		if info, err := fs.Stat(s.Static, name); err == nil && !info.IsDir() {
			w.Header().Set("Cache-Control", "no-cache")
			if m, ok := media[path.Ext(name)]; ok {
				w.Header().Set("Content-Type", m)
			}
			http.ServeFileFS(w, r, s.Static, name)
			return
		}
	}
	if a, ok := s.assets[name]; ok {
		a.serve(w, r)
	} else {
		s.notFound(w, r)
	}
}

// takesGzip reports whether the client of r says that it can read gzip.
func takesGzip(r *http.Request) bool {
	for coding := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(coding), ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") && strings.TrimSpace(q) != "q=0" {
			return true
		}
	}
	return false
}

// zipped returns b compressed. A file of some kilobytes takes well under a
// millisecond.
func zipped(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	z.Write(b) // to memory: it cannot fail
	z.Close()
	return out.Bytes()
}
