package web

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"slices"
	"testing"

	"wslab/compare/bugs"
	"wslab/compare/recording"
	"wslab/labserver/internal/session"
	"wslab/reference/dissect"
)

var update = flag.Bool("update", false, "write the golden file for the tests of the page")

// TestThePagesExampleOfTheGame compares the example of the page's tests with the answers.
func TestThePagesExampleOfTheGame(t *testing.T) {
	s := start(t)
	example := map[string]json.RawMessage{}
	for name, path := range map[string]string{"bugs": "/api/bugs", "card": "/api/bugs/14"} {
		_, body := s.get(path)
		example[name] = json.RawMessage(body)
	}
	found, err := json.Marshal(map[string]any{"found": []bugs.Found{{Number: 14, Conn: 3, Events: []uint64{41, 44, 52}, Said: "The length of the frame is 126, in the two bytes 00 7e."}}})
	if err != nil {
		t.Fatal(err)
	}
	example["found"] = found
	got, err := json.MarshalIndent(example, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	const file = "../../../static/test/bugs.json"
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is out of date: run go test ./labserver/internal/web -run Game -update", file)
	}
}

func TestAClosedCardDoesNotNameItsFault(t *testing.T) {
	s := start(t)
	_, body := s.get("/api/bugs")
	for _, c := range bugs.Cards() {
		if bytes.Contains([]byte(body), []byte(c.Name)) || bytes.Contains([]byte(body), []byte(c.What)) {
			t.Errorf("the closed cards name fault %d, %s", c.Number, c.Name)
		}
	}
}

func TestACardThatDoesNotExist(t *testing.T) {
	s := start(t)
	for _, number := range []string{"0", "35", "-1", "x", "1.5", "99999999999999999999"} {
		response, err := s.client.Get(fmt.Sprintf("http://%s/api/bugs/%s", s.address, number))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusNotFound {
			t.Errorf("fault %s: %s", number, response.Status)
		}
	}
}

// found returns the numbers of the faults that the lab server finds in sess.
func (s *site) found(sess *session.Session) (numbers []int) {
	s.Helper()
	_, body := s.get("/api/sessions/" + sess.ID + "/bugs")
	var answer struct{ Found []bugs.Found }
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		s.Fatal(err, body)
	}
	for _, f := range answer.Found {
		numbers = append(numbers, f.Number)
		for _, seq := range f.Events {
			if _, ok := sess.Rec.Event(seq); !ok {
				s.Errorf("fault %d: there is no event %d", f.Number, seq)
			}
		}
	}
	return numbers
}

// TestEachAttackOpensOneCardInTheLab runs the attacks as the page does, each in a session
// of its own, on all three servers at the same time.
func TestEachAttackOpensOneCardInTheLab(t *testing.T) {
	s := start(t)
	seen := map[int]string{}
	for _, a := range bugs.Attacks {
		sess, err := s.sessions.New("", false)
		if err != nil {
			t.Fatal(err)
		}
		var plays []string
		for _, endpoint := range []string{"naive", "reference", "gorilla"} {
			play, _ := s.begin(sess, map[string]any{"scenario": a.Scenario, "endpoint": endpoint, "as": "raw"})
			plays = append(plays, play)
		}
		for _, play := range plays {
			if err := s.over(sess, play); err != "" {
				t.Errorf("%s: %s", a.Scenario, err)
			}
		}
		numbers := s.found(sess)
		if len(numbers) != 1 || seen[numbers[0]] != "" {
			t.Errorf("%s opens %v", a.Scenario, numbers)
			continue
		}
		seen[numbers[0]] = a.Scenario
	}
	if len(seen) != len(bugs.Cards()) {
		t.Errorf("%d attacks open a card", len(seen))
	}
}

// TestARawClientMaySendAnyOriginButNoOther holds the exception of the guard to the
// connections that the lab server itself dials.
func TestARawClientMaySendAnyOriginButNoOther(t *testing.T) {
	s := start(t)
	sess, err := s.sessions.New("", false)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(path, origin string) int {
		t.Helper()
		r, err := http.NewRequest("GET", "http://"+s.address+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Origin", origin)
		response, err := s.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return response.StatusCode
	}
	for _, path := range []string{"/ws/naive?session=" + sess.ID + "&client=a", "/ws/naive", "/api/sessions/" + sess.ID, "/"} {
		for _, origin := range []string{"http://evil.example", "null"} {
			if status := ask(path, origin); status != http.StatusForbidden {
				t.Errorf("%s from %s: %d", path, origin, status)
			}
		}
	}
	s.post("/api/sessions/"+sess.ID+"/raw", map[string]any{"client": "r", "do": "open", "endpoint": "naive", "fields": [][]any{{"Origin", "http://evil.example"}}})
	s.await(sess, "a response", func(e recording.Event) bool {
		h, ok := e.Body.(*dissect.Handshake)
		return ok && h.Head.Status == 101
	})
	if got := s.found(sess); !slices.Equal(got, []int{4, 9, 10}) {
		t.Errorf("an Origin of another site opens %v", got)
	}
	for range 2 {
		if sess.Dialed("127.0.0.1:1") {
			t.Error("a connection that the session did not dial")
		}
	}
}
