package transcript

import (
	"errors"
)

// ErrSilent says that the judge's time was over. How long that was the report says.
var ErrSilent = errors.New("")
