package lab

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/chromedp/chromedp"

	"wslab/labserver/internal/browsertest"
)

// TestElementsRenderAlone renders elements of the page in a real browser, each
// without the lab around it: what an element needs is given to it.
func TestElementsRenderAlone(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.Handle("GET /static/", http.StripPrefix("/static/", http.FileServer(http.Dir("../../../../static"))))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write([]byte(`<!doctype html><html lang="en"><title>alone</title><link rel="icon" href="data:,"><body></body></html>`))
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	p := browsertest.OpenTab(t, server.URL, 1000, 800)
	p.Do(chromedp.Navigate(server.URL + "/"))
	type result struct {
		Failed   map[string]string `json:"failed"`
		Rendered int               `json:"rendered"`
	}
	r := browsertest.Eval[result](p, `import("/static/test/alone.js").then(m => m.failures())`)
	for tag, err := range r.Failed {
		t.Errorf("%s alone: %s", tag, err)
	}
	if r.Rendered < 5 {
		t.Errorf("%d elements were rendered", r.Rendered)
	}
}
