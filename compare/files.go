package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// replaceFile writes the file called name as a whole or not at all: write writes a
// new file beside it, which then takes its name. A link stays one. What is not a
// regular file, such as /dev/stdout, is written as it is.
func replaceFile(name string, write func(io.Writer) error) error {
	f, name, err := openNew(name)
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		discard(f, name)
		return naming(name, err)
	}
	if f.Name() == name {
		return f.Close()
	}
	err = f.Close()
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return naming(name, err)
}

// replaceBytes is replaceFile with what is at hand.
func replaceBytes(name string, b []byte) error {
	return replaceFile(name, func(w io.Writer) error {
		_, err := io.Copy(w, bytes.NewReader(b))
		return err
	})
}

// canReplace reports why replaceFile could not write the file called name. It
// leaves no file.
func canReplace(name string) error {
	f, name, err := openNew(name)
	if err == nil {
		discard(f, name)
	}
	return err
}

// openNew opens what replaceFile writes to, and returns the name that it gets in
// the end. The two names are the same where name is not that of a regular file.
func openNew(name string) (*os.File, string, error) {
	if real, err := filepath.EvalSymlinks(name); err == nil {
		name = real
	}
	mode := fs.FileMode(0o666)
	switch info, err := os.Stat(name); {
	case err == nil && info.IsDir():
		return nil, name, fmt.Errorf("%s is a folder", name)
	case err == nil && !info.Mode().IsRegular():
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		return f, name, err
	case err == nil:
		mode = info.Mode().Perm()
	}
	f, err := os.OpenFile(fmt.Sprintf("%s.%d.tmp", name, os.Getpid()), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, mode)
	return f, name, naming(name, err)
}

// naming returns err as one of the file called name, whose own name the reader
// knows, and not that of the file beside it.
func naming(name string, err error) error {
	var of *fs.PathError
	if errors.As(err, &of) {
		of.Path = name
		return of
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// discard closes what openNew opened, and removes it where it is new.
func discard(f *os.File, name string) {
	f.Close()
	if f.Name() != name {
		os.Remove(f.Name())
	}
}

// writtenTo reports an error where folder is one of this module, and is not here:
// compare then runs somewhere else, and would make the folder there.
func writtenTo(folder string) error {
	if folder != outputsDir && folder != scenariosDir {
		return nil
	}
	if _, err := os.Stat(folder); err != nil {
		return fmt.Errorf("there is no folder %s here. Run compare at the top of its module, or name another folder with -out", folder)
	}
	return nil
}

// telling is the output of a command. It keeps the first error, so that what could
// not be told is not passed over.
type telling struct {
	io.Writer
	err error
}

func (t *telling) Write(b []byte) (int, error) {
	n, err := t.Writer.Write(b)
	if t.err == nil {
		t.err = err
	}
	return n, err
}
