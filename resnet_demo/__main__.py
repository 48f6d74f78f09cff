"""`python -m resnet_demo`: the command line."""

import sys

from resnet_demo.cli import main

sys.exit(main())
