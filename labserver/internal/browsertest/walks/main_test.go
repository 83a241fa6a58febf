package walks

import (
	"testing"

	"wslab/labserver/internal/browsertest"
)

func TestMain(m *testing.M) { browsertest.Main(m) }
