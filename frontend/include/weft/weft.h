// Everything: the one header a program includes.
#pragma once

#include "weft/autograd.h"
#include "weft/compile.h"
#include "weft/data.h"
#include "weft/device.h"
#include "weft/dtype.h"
#include "weft/error.h"
#include "weft/memory.h"
#include "weft/nn.h"
#include "weft/nn_activations.h"
#include "weft/nn_layers.h"
#include "weft/ops.h"
#include "weft/optim.h"
#include "weft/parallel.h"
#include "weft/random.h"
#include "weft/shape.h"
#include "weft/tensor.h"
