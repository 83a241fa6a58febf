package transcript

import (
	"errors"
)

// ErrTLS is why there is no connection where there is one of TCP.
var ErrTLS = errors.New("TLS was not agreed on")
