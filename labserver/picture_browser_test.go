package main

import (
	"flag"
	"os"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"wslab/labserver/internal/browsertest"
)

var picture = flag.Bool("picture", false, "take the picture of README.md again")

// pictureFile is the picture of the page in README.md, in WebP.
const pictureFile = "testdata/lesson.webp"

// maxPicture is the most bytes that it may have.
const maxPicture = 150 << 10

func TestThePictureOfREADMEIsSmall(t *testing.T) {
	b, err := os.ReadFile(pictureFile)
	if err != nil {
		t.Fatalf("%v. Take the picture: go test ./labserver -run TestPictureOfREADME -picture", err)
	}
	checkPicture(t, b)
}

func checkPicture(t *testing.T, b []byte) {
	t.Helper()
	if len(b) < 12 || string(b[:4]) != "RIFF" || string(b[8:12]) != "WEBP" {
		t.Error("the picture is not in WebP")
	}
	if len(b) > maxPicture {
		t.Errorf("the picture has %d bytes, and it may have %d", len(b), maxPicture)
	}
}

// TestPictureOfREADME takes the picture: lesson 3, after the learner has sent Hello
// to both servers and released the frame, while the lab holds the echoes. With -picture it writes the file.
func TestPictureOfREADME(t *testing.T) {
	t.Parallel()
	p := browsertest.OpenTab(t, browsertest.StartLab(t), 1440, 1000)
	p.GoTo("/lessons/03-masking")
	command := func(name string) {
		browsertest.Eval[any](p, `void document.querySelector("ws-lab [data-command=`+name+`]").click()`)
	}
	command("connect")
	p.Until("both connections are open", `[...document.querySelectorAll("ws-lab .states b")].filter(b => b.textContent == "OPEN").length == 2`)
	command("hold")
	p.Until("the wire is held", `document.querySelector("ws-lab [data-command=hold]").getAttribute("aria-pressed") == "true"`)
	p.Click("article ws-do", "Send Hello")
	p.Until("the grid shows the frame", `document.querySelectorAll("ws-bits [role=gridcell] button").length == 11*8`)
	command("step")
	p.Until("both echoes are held", browsertest.WireRows+` == 2`)
	p.Calm(browsertest.RowCount)
	quality := int64(80)
	shot, err := chromedp.Call(p.Ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatWebp, Quality: &quality})
	if err != nil {
		t.Fatal(err)
	}
	checkPicture(t, shot.Data)
	if *picture {
		if err := os.WriteFile(pictureFile, shot.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
