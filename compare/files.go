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

// replaceFile writes the file called name as a whole or not at all: write fills a new
// file beside it, and replaceFile then renames the new file. A symbolic link stays a
// link. A file that is not regular, such as /dev/stdout, is written directly.
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

// replaceBytes is replaceFile for bytes.
func replaceBytes(name string, b []byte) error {
	return replaceFile(name, func(w io.Writer) error {
		_, err := io.Copy(w, bytes.NewReader(b))
		return err
	})
}

// canReplace returns the reason why replaceFile could not write the file called name. It
// leaves no file.
func canReplace(name string) error {
	f, name, err := openNew(name)
	if err == nil {
		discard(f, name)
	}
	return err
}

// openNew opens the file that replaceFile writes, and returns the final name of that
// file. If a file exists and is not regular, openNew opens it under its final name.
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

// naming replaces the name of the temporary file in err by name. The user does not know
// the temporary file.
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

// discard closes a file from openNew, and removes the file if it is new.
func discard(f *os.File, name string) {
	f.Close()
	if f.Name() != name {
		os.Remove(f.Name())
	}
}

// writtenTo returns an error if folder is a folder of this module and does not exist. In
// that case, compare is running in another directory, and would create the folder there.
func writtenTo(folder string) error {
	if folder != outputsDir && folder != scenariosDir {
		return nil
	}
	if _, err := os.Stat(folder); err != nil {
		return fmt.Errorf("there is no folder %s here. Run compare in the top directory of its module, or set another folder with -out", folder)
	}
	return nil
}

// telling is the output of a command. It keeps the first error of a write.
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
