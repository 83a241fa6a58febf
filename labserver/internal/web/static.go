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

// asset is a file of the page, or a long response that never changes, ready to send.
type asset struct {
	plain, gzip []byte
	media       string // "" if unknown
	tag         string // entity tag, a hash of the content
}

// newAsset compresses and hashes body once. http.ServeContent handles conditional
// requests and ranges. A compression package would not help: it would replace only zipped
// and takesGzip (20 lines), and compress each response again.
func newAsset(body []byte, media string) *asset {
	sum := sha256.Sum256(body)
	return &asset{body, zipped(body), media, hex.EncodeToString(sum[:12])}
}

// serve sends a. Browsers ask each time whether their copy is current. Most browsers get a
// response of a few bytes, because the asset changes only with the program.
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

// media has the types of assets by extension. The standard library would use the
// computer's types, which differ between computers. With nosniff, a browser does not run a
// script of another type.
var media = map[string]string{
	".js":  "text/javascript; charset=utf-8",
	".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml",
}

// loadAssets reads and compresses every file of fsys.
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

// takesGzip reports whether the client of r accepts gzip.
func takesGzip(r *http.Request) bool {
	for coding := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(coding), ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") && strings.TrimSpace(q) != "q=0" {
			return true
		}
	}
	return false
}

// zipped returns b compressed. A file of some kilobytes takes less than a millisecond.
func zipped(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	z.Write(b) // a write to memory cannot fail
	z.Close()
	return out.Bytes()
}
