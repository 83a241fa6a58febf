package transcript

import (
	"errors"
)

// errSilent says that the judge's time was over. How long that was the report says.
var ErrSilent = errors.New("")
