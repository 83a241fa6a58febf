package browser

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"wslab/compare/endpoint"
	"wslab/compare/recording"
	"wslab/compare/scenario"
	"wslab/compare/sse"
)

//go:embed page
var files embed.FS

const (
	startTimeout  = 3 * time.Minute  // for the browser to open the page
	headerTimeout = 10 * time.Second // for the header of a request
	maxBody       = 1 << 20          // bytes of reports in one request
	maxText       = 4096             // bytes of a text in a report
)

// Browser is a running browser with the page open. Its methods may be called
// concurrently: the page can run several scenarios at once, each in an iframe of its
// own.
type Browser struct {
	Kind Kind
	Name string // with its version, "Chromium 156.0.8078.79"

	process *process
	began   time.Time
	server  *http.Server
	addr    string
	served  chan struct{} // closed when server has ended
	quit    chan struct{} // closed when Close begins

	mu      sync.Mutex
	offset  time.Duration // of the page's clock: that of the fastest report, which is the smallest
	synced  bool
	plays   map[string]*play
	orders  []message     // not sent to the page yet
	changed chan struct{} // closed when orders grows
	here    chan struct{} // closed when the page first asks for orders
	opened  sync.Once
}

// message is an order on its way to the page.
type message struct {
	Play  string          `json:"play"`
	Step  int             `json:"step"`
	URL   string          `json:"url"`
	Order recording.Order `json:"order"`
}

// play is one run of a scenario in a browser.
type play struct {
	*Client
	token string // name of the run's client
	url   string // of the run's WebSocket

	b     *Browser
	rec   *recording.Recording
	serve http.HandlerFunc
	last  time.Duration // time of the page's last report; guarded by b.mu
}

// Start starts the browser at path and waits until its page is loaded.
func Start(ctx context.Context, path string) (*Browser, error) {
	kind, name, err := identify(ctx, path)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b := newBrowser(kind, name, l)
	if b.process, err = start(kind, path, "http://"+b.addr+"/"); err != nil {
		b.Close()
		return nil, err
	}
	select {
	case <-b.here:
		return b, nil
	case <-b.process.done:
		err = b.process.why()
	case <-time.After(startTimeout):
		err = fmt.Errorf("%s has not opened its page within %v", name, startTimeout)
	case <-ctx.Done():
		err = ctx.Err()
	}
	return nil, errors.Join(err, b.Close())
}

// newBrowser serves the page of a browser that is not started yet.
func newBrowser(kind Kind, name string, l net.Listener) *Browser {
	b := &Browser{
		Kind: kind, Name: name, began: time.Now(), addr: l.Addr().String(), plays: map[string]*play{},
		served: make(chan struct{}), quit: make(chan struct{}), changed: make(chan struct{}), here: make(chan struct{}),
	}
	mux := http.NewServeMux()
	pages, _ := fs.Sub(files, "page")
	mux.Handle("/", http.FileServerFS(pages))
	mux.HandleFunc("GET /orders", b.stream)
	mux.HandleFunc("POST /told", b.told)
	mux.HandleFunc("/ws/{token}", b.socket)
	b.server = &http.Server{
		Handler: mux, ReadHeaderTimeout: headerTimeout, ErrorLog: log.New(io.Discard, "", 0),
	}
	serve := endpoint.Tapped(b.server, nil)
	go func() {
		defer close(b.served)
		serve(l)
	}()
	return b
}

// Close ends the browser and its runs.
func (b *Browser) Close() error {
	close(b.quit)
	var err error
	if b.process != nil {
		err = b.process.end()
	}
	b.server.Close()
	<-b.served
	return err
}

// begin begins a run of sc under name. If name is in use, begin adds a number. serve
// answers the run's handshakes. The reports of the page go into rec. The caller must call
// end.
func (b *Browser) begin(sc *scenario.Scenario, name string, rec *recording.Recording, serve http.HandlerFunc) *play {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := &play{token: name, b: b, rec: rec, serve: serve}
	for n := 2; b.plays[p.token] != nil; n++ {
		p.token = name + "-" + strconv.Itoa(n)
	}
	p.url = "ws://" + b.addr + "/ws/" + url.PathEscape(p.token)
	p.Client = NewClient(sc, func(step int, o recording.Order) { b.order(message{p.token, step, p.url, o}) }, b.away)
	b.plays[p.token] = p
	return p
}

// end closes the tab of the run, if the run has not closed it.
func (p *play) end() {
	p.b.mu.Lock()
	delete(p.b.plays, p.token)
	p.b.mu.Unlock()
	p.b.order(message{Play: p.token, Order: recording.Order{Do: "over"}})
}

// away returns an error if the browser has ended.
func (b *Browser) away() error {
	if b.process == nil {
		return nil
	}
	select {
	case <-b.process.done:
		return b.process.why()
	default:
		return nil
	}
}

func (b *Browser) order(m message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.orders = append(b.orders, m)
	close(b.changed)
	b.changed = make(chan struct{})
}

// stream sends the page its orders as Server-Sent Events.
func (b *Browser) stream(w http.ResponseWriter, r *http.Request) {
	sse.Follow(w, r, b.quit, func() (messages []sse.Message, last bool, more <-chan struct{}) {
		b.opened.Do(func() { close(b.here) })
		select {
		case <-b.quit:
			return nil, true, nil
		default:
		}
		b.mu.Lock()
		orders, changed := b.orders, b.changed
		b.orders = nil
		b.mu.Unlock()
		for _, m := range orders {
			body, err := json.Marshal(m)
			if err != nil {
				return nil, true, nil
			}
			messages = append(messages, sse.Message{Data: body})
		}
		return messages, false, changed
	})
}

// report is one report of the page.
type report struct {
	Play   string            `json:"play"`
	At     float64           `json:"at"` // ms of the page's clock
	Script *recording.Script `json:"script"`
	Done   *struct {
		Step  int    `json:"step"`
		Error string `json:"error"`
	} `json:"done"`
}

// told handles a request with reports of the page.
func (b *Browser) told(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Now     float64  `json:"now"`
		Reports []report `json:"reports"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	b.sync(ms(body.Now))
	for _, rep := range body.Reports {
		b.mu.Lock()
		p := b.plays[rep.Play]
		ago := time.Since(b.began) - (ms(rep.At) + b.offset)
		b.mu.Unlock()
		if p != nil {
			p.take(rep, ago)
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

// ms returns n milliseconds.
func ms(n float64) time.Duration { return time.Duration(n * float64(time.Millisecond)) }

// sync compares the page's clock with the clock of b. The page's clock showed now a
// moment ago.
func (b *Browser) sync(now time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if offset := time.Since(b.began) - now; !b.synced || offset < b.offset {
		b.offset, b.synced = offset, true
	}
}

// take records rep. ago is how long ago the reported event happened.
func (p *play) take(rep report, ago time.Duration) {
	if s := rep.Script; s != nil {
		s.Client = p.token
		for _, text := range []*string{&s.What, &s.Text, &s.Reason} {
			*text = (*text)[:min(len(*text), maxText)]
		}
		p.b.mu.Lock()
		p.last = max(p.last, p.rec.Now()-max(0, ago)) // the page reports in order
		at := p.last
		p.b.mu.Unlock()
		p.rec.Report(at, s)
		p.Told(*s)
	}
	if rep.Done != nil {
		p.Done(rep.Done.Step, rep.Done.Error)
	}
}

// socket passes a handshake to its run. The clients of a crowd belong to a run too.
func (b *Browser) socket(w http.ResponseWriter, r *http.Request) {
	token, _, _ := strings.Cut(r.PathValue("token"), "-crowd-")
	b.mu.Lock()
	p := b.plays[token]
	b.mu.Unlock()
	if p == nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Connection", "close")
	p.serve(w, r)
}
