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

// asset is a file of the page, ready to be sent.
type asset struct {
	plain, gzip []byte
	tag         string // entity tag, a hash of the content
}

// media are the types of assets. The standard library would ask the machine,
// and machines differ: with nosniff, a script of another type is not run.
var media = map[string]string{
	".js":  "text/javascript; charset=utf-8",
	".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml",
}

// loadAssets reads and compresses every file of fsys, once.
func loadAssets(fsys fs.FS) (map[string]asset, error) {
	assets := map[string]asset{}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(fsys, name)
		sum := sha256.Sum256(b)
		assets[name] = asset{b, zipped(b), hex.EncodeToString(sum[:12])}
		return err
	})
	return assets, err
}

// static serves the page's files. They change only with the program, so a
// browser asks whether its copy is still good and is told so in a few octets.
func (s *Server) static(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/static/")
	h := w.Header()
	h.Set("Cache-Control", "no-cache")
	if m, ok := media[path.Ext(name)]; ok {
		h.Set("Content-Type", m)
	}
	if s.Dev {
		if info, err := fs.Stat(s.Static, name); err == nil && !info.IsDir() {
			http.ServeFileFS(w, r, s.Static, name)
			return
		}
	}
	a, ok := s.assets[name]
	if !ok {
		s.notFound(w, r)
		return
	}
	h.Set("Vary", "Accept-Encoding")
	body := a.plain
	if takesGzip(r) {
		h.Set("Content-Encoding", "gzip")
		h.Set("ETag", `"`+a.tag+`-gzip"`)
		body = a.gzip
	} else {
		h.Set("ETag", `"`+a.tag+`"`)
	}
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(body))
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
