# SPDX-License-Identifier: Apache-2.0
import sys

from safetensors.numpy import load_file

assert load_file(sys.argv[1])
