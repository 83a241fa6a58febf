package transcript

import (
	"errors"
)

// ThenNothing is the end of the error for a target that stopped inside its half of the
// opening handshake.
const ThenNothing = ", and then nothing"

// ErrSilent marks an error as a timeout of the judge. It has no text, because the report
// has the time.
var ErrSilent = errors.New("")
