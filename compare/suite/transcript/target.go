package transcript

import (
	"errors"
)

// ErrTLS marks an error of the TLS handshake.
var ErrTLS = errors.New("the TLS handshake failed")
