package web

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"testing"

	"wslab/compare/bugs"
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
