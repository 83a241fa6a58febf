package transcript

import (
	"errors"
)

// ThenNothing ends what is said of a target that stopped in the middle of a head.
const ThenNothing = ", and then nothing"

// ErrSilent says that the judge's time was over. How long that was the report says.
var ErrSilent = errors.New("")
