package spec

import (
	"fmt"
)

// Grouped writes n with a comma between thousands.
func Grouped(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", Grouped(n/1000), n%1000)
}

// Counted writes n bytes.
func Counted(n int) string {
	if n == 1 {
		return "1 byte"
	}
	return Grouped(n) + " bytes"
}
