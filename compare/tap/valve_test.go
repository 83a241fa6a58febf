package tap

import (
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

func TestReadSeesNothingUntilRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, rec := pipe(t, true)
		in := collect(server)
		write(client, "one\ntwo\nthr")
		synctest.Wait()
		if in.text() != "" || len(server.Waiting()) != 2 {
			t.Fatalf("%q passed a shut valve; %v wait", in.text(), server.Waiting())
		}
		write(client, "ee\n")
		synctest.Wait()
		if got := rec.texts(rec.waiting); !slices.Equal(got, []string{"one\n", "two\n", "three\n"}) {
			t.Errorf("%q wait", got)
		}
		for _, want := range []string{"one\n", "one\ntwo\n", "one\ntwo\nthree\n"} {
			if _, ok := server.ReleaseOldest(In); !ok {
				t.Error("nothing waits")
			}
			synctest.Wait()
			if in.text() != want {
				t.Errorf("%q arrived, want %q", in.text(), want)
			}
		}
		if _, ok := server.ReleaseOldest(In); ok {
			t.Error("one unit too many was released")
		}
		rec.resolved(t)
	})
}

func TestAnUnfinishedUnitIsTakenAtOnceAndLeavesWithItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, _ := pipe(t, true)
		in := collect(client)
		first := write(server, "on")
		synctest.Wait()
		if !first.over() || first.n != 2 || in.text() != "" {
			t.Fatalf("over: %t, %d; %q arrived", first.over(), first.n, in.text())
		}
		write(server, "e\n")
		synctest.Wait()
		server.ReleaseOldest(Out)
		synctest.Wait()
		if in.text() != "one\n" {
			t.Errorf("%q arrived", in.text())
		}
	})
}

func TestRunLetsAnUnfinishedUnitGoWithNobodyWriting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, _ := pipe(t, true)
		fromServer, fromClient := collect(client), collect(server)
		write(server, "out")
		write(client, "in")
		synctest.Wait()
		if ids := server.Run(); len(ids) != 0 {
			t.Errorf("units %v were released", ids)
		}
		synctest.Wait()
		if fromServer.text() != "out" || fromClient.text() != "in" {
			t.Errorf("%q and %q arrived", fromServer.text(), fromClient.text())
		}
	})
}

func TestBytesOfNoUnitGoAlongWithTheOneBeforeThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, rec := pipe(t, true)
		rec.loose = true
		in := collect(client)
		w := write(server, "head\nbody")
		synctest.Wait()
		if in.text() != "" {
			t.Fatalf("%q arrived", in.text())
		}
		more := write(server, "more")
		synctest.Wait()
		server.ReleaseOldest(Out)
		synctest.Wait()
		if in.text() != "head\nbodymore" || !w.over() || !more.over() {
			t.Errorf("%q arrived, over: %t, %t", in.text(), w.over(), more.over())
		}
		last := write(server, "last")
		synctest.Wait()
		if in.text() != "head\nbodymorelast" || !last.over() {
			t.Errorf("%q arrived with nothing before it to wait for", in.text())
		}
	})
}

func TestDropTakesTheOldestUnitAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, rec := pipe(t, true)
		fromServer, fromClient := collect(client), collect(server)
		w := write(server, "a\nb\n")
		write(client, "c\nd\n")
		synctest.Wait()
		server.DropOldest(Out)
		server.DropOldest(In)
		ids := server.Run()
		synctest.Wait()
		if fromServer.text() != "b\n" || fromClient.text() != "d\n" || w.n != 4 || w.err != nil || len(ids) != 2 {
			t.Errorf("%q and %q arrived, Write gave %d, %v; %v were released", fromServer.text(), fromClient.text(), w.n, w.err, ids)
		}
		if _, ok := server.DropOldest(In); ok {
			t.Error("something was dropped where nothing waits")
		}
		rec.resolved(t)
	})
}

func TestRunLetsEverythingGoAndTheSocketIsReadDirectlyAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, rec := pipe(t, true)
		in := collect(server)
		write(client, "one\ntwo\nthr")
		synctest.Wait()
		if ids := server.Run(); !slices.Equal(rec.texts(ids), []string{"one\n", "two\n"}) {
			t.Errorf("%q were released", rec.texts(ids))
		}
		for _, s := range []string{"ee\n", "four\n", "five\n"} {
			write(client, s)
			synctest.Wait()
		}
		if in.text() != "one\ntwo\nthree\nfour\nfive\n" {
			t.Errorf("%q arrived", in.text())
		}
		if server.busy.Load() {
			t.Error("the queue is still in use")
		}
		rec.resolved(t)
	})
}

func TestHoldShutsTheValveForAReadThatIsInTheKernel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, _ := pipe(t, false)
		in := collect(server)
		synctest.Wait() // the Read is in the kernel now
		server.Hold()
		write(client, "one\n")
		synctest.Wait()
		if in.text() != "" || len(server.Waiting()) != 1 {
			t.Fatalf("%q passed, %v wait", in.text(), server.Waiting())
		}
		server.ReleaseOldest(In)
		synctest.Wait()
		if in.text() != "one\n" {
			t.Errorf("%q arrived", in.text())
		}
	})
}

func TestHoldAndRunWhileAReadIsInTheKernelChangeNothing(t *testing.T) {
	for _, hold := range []bool{false, true} { // by the Read itself, or by the pump
		synctest.Test(t, func(t *testing.T) {
			client, server, _ := pipe(t, hold)
			in := collect(server)
			synctest.Wait()
			for range 3 {
				server.Hold()
				server.Run()
				synctest.Wait()
			}
			write(client, "one\ntw")
			synctest.Wait()
			if in.text() != "one\ntw" {
				t.Errorf("held at first %t: %q arrived", hold, in.text())
			}
		})
	}
}

// isTimeout fails unless err is the error of a socket at its deadline.
func isTimeout(t *testing.T, err error, op string) {
	t.Helper()
	var operr *net.OpError
	if !errors.As(err, &operr) || operr.Op != op || !operr.Timeout() || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the error is %T %v, want an i/o timeout of %s", err, err, op)
	}
}

func TestTheEndOfTheStreamStaysBehindWhatWaits(t *testing.T) {
	for _, c := range []struct{ sent, held string }{{"one\ntwo\n", "two\n"}, {"one\ntwo\nthr", "two\nthr"}} {
		synctest.Test(t, func(t *testing.T) {
			client, server, rec := pipe(t, true)
			in := collect(server)
			write(client, c.sent)
			synctest.Wait()
			client.Close()
			synctest.Wait()
			if !slices.Equal(rec.fins, []Direction{In}) || in.text() != "" || in.err != nil {
				t.Errorf("fins %v; %q, %v passed", rec.fins, in.text(), in.err)
			}
			server.ReleaseOldest(In)
			synctest.Wait()
			if in.text() != "one\n" || in.err != nil {
				t.Errorf("%q, %v passed", in.text(), in.err)
			}
			server.ReleaseOldest(In)
			<-in.done
			if in.text() != "one\n"+c.held || in.err != io.EOF {
				t.Errorf("%q, %v arrived", in.text(), in.err)
			}
			if n, err := server.Read(make([]byte, 1)); n != 0 || err != io.EOF {
				t.Errorf("the next Read gave %d, %v", n, err)
			}
		})
	}
}

func TestTheEndOfTheStreamFollowsAnUnfinishedUnitAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, _ := pipe(t, true)
		in := collect(server)
		write(client, "half")
		synctest.Wait()
		client.Close()
		<-in.done // no unit waits, so no step could let it go
		if in.text() != "half" || in.err != io.EOF {
			t.Errorf("%q, %v arrived", in.text(), in.err)
		}
	})
}

func TestAPeerThatHangsUpFailsTheNextWriteAfterARelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, rec := pipe(t, true)
		for _, text := range []string{"one\ntwo\n", "three\n"} {
			if _, err := server.Write([]byte(text)); err != nil {
				t.Error(err)
			}
		}
		client.Close()
		synctest.Wait()
		server.ReleaseOldest(Out)
		synctest.Wait()
		if len(server.Waiting()) != 0 || len(rec.failed) != 1 {
			t.Errorf("%v wait; failed %v", server.Waiting(), rec.failed)
		}
		if _, err := server.Write([]byte("four\n")); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("the next Write gave %v", err)
		}
		rec.resolved(t)
	})
}

func TestAFullQueueMakesThePeerWaitAndStillOpens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, rec := pipe(t, true)
		line := strings.Repeat("x", 1023) + "\n"
		w := write(client, strings.Repeat(line, 3*maxQueue/len(line)))
		first := make([]byte, 1)
		read := make(chan error)
		go func() {
			_, err := server.Read(first)
			read <- err
		}()
		synctest.Wait()
		if w.over() {
			t.Fatal("three queues' worth was taken")
		}
		server.ReleaseOldest(In)
		if err := <-read; err != nil {
			t.Fatal(err)
		}
		server.Run() // the pump waits for room, and no Read is in progress
		synctest.Wait()
		in := collect(server)
		synctest.Wait()
		if got := len(in.text()); got != 3*maxQueue-1 || !w.over() {
			t.Errorf("%d bytes arrived after the first, all accepted: %t", got, w.over())
		}
		if string(first)+in.text() != string(rec.bytes[In]) {
			t.Error("they are others than were sent")
		}
	})
}

func TestCloseEndsAPumpThatWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, rec := pipe(t, true)
		w := write(client, strings.Repeat("x\n", maxQueue))
		in := collect(server)
		synctest.Wait()
		server.Close()
		<-in.done
		<-w.done
		rec.resolved(t)
	})
}

func TestAUnitLongerThanTheQueuePassesButForItsEnd(t *testing.T) {
	long := strings.Repeat("x", 2*maxQueue) + "\n"
	synctest.Test(t, func(t *testing.T) {
		client, server, rec := pipe(t, true)
		fromServer, fromClient := collect(client), collect(server)
		write(client, long)
		var parts []*written
		for i := 0; i < len(long); i += maxQueue / 2 {
			parts = append(parts, write(server, long[i:min(len(long), i+maxQueue/2)]))
			synctest.Wait()
		}
		if len(rec.waiting) != 2 {
			t.Fatalf("%v wait; %d and %d bytes arrived", rec.waiting, len(fromServer.text()), len(fromClient.text()))
		}
		server.ReleaseOldest(In)
		server.ReleaseOldest(Out)
		synctest.Wait()
		if fromServer.text() != long || fromClient.text() != long {
			t.Errorf("%d and %d bytes arrived of %d", len(fromServer.text()), len(fromClient.text()), len(long))
		}
		for _, w := range parts {
			if !w.over() || w.err != nil {
				t.Errorf("a Write gave %v, over: %t", w.err, w.over())
			}
		}
		rec.resolved(t)
	})
}
